/** What a release is, for all packages: each kind is made from this and from nothing else. */

/** What every kind of package says of the program. */
export const ABOUT = {
  name: "pullama",
  summary: "Downloads models into Ollama's models folder, and survives bad connections",
  details: [
    "Pulls models from the Ollama registry and others straight into Ollama's",
    "models folder, resumes at the byte where it stopped, and stores only what",
    "is verified. Ollama does not have to run, or to be installed.",
  ],
  license: "MIT",
  authors: "the pullama authors",
  email: "pullama@users.noreply.github.com",
  /** Where the project is, unless the URL of a release says it. */
  homepage: "https://jsr.io/@pullama/cli",
  /** The scope on npm of the packages with the programs. */
  scope: "@pullama",
  /** The publisher on winget. */
  publisher: "Pullama",
} as const;

export type System = "linux" | "darwin" | "windows";
export type Machine = "amd64" | "arm64";

/** A program that a release has. */
export interface Program {
  /** Such as pullama-linux-amd64. */
  readonly file: string;
  readonly system: System;
  readonly machine: Machine;
  readonly path: string;
  readonly sha256: string;
}

export interface Release {
  readonly version: string;
  /** When it was committed: packages made of the same commit are the same. */
  readonly date: Date;
  readonly programs: readonly Program[];
}

/** A release that can be downloaded. */
export interface PublicRelease extends Release {
  /** Where its files are, without a slash at the end. */
  readonly url: string;
  readonly homepage: string;
  /** The archive with manual pages and completions. */
  readonly share: { readonly file: string; readonly sha256: string };
}

/** System and machine in the name of a program; undefined for other files. */
export function programNamed(file: string): Pick<Program, "system" | "machine"> | undefined {
  const [, system, machine] = /^pullama-(linux|darwin|windows)-(amd64|arm64)(?:\.exe)?$/
    .exec(file) ?? [];
  if (system === undefined || machine === undefined) return undefined;
  return { system: system as System, machine: machine as Machine };
}

/** The program of a release for that system and machine; throws if there is none. */
export function programFor(release: Release, system: System, machine: Machine): Program {
  const found = release.programs.find((each) => each.system === system && each.machine === machine);
  if (found === undefined) throw new Error(`there is no program for ${system} on ${machine}`);
  return found;
}

/** The page of the project, for the URL of the files of a release. */
export function homepageOf(url: string): string {
  return url.replace(/\/releases\/.*$/, "");
}
