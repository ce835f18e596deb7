/**
 * Makes packages of the programs in dist/, in dist/:
 *
 *     deno task package                     # of the program for this machine: deb, npm, image
 *     deno task package npm                 # one kind only
 *     deno task package --base-url URL      # all that a release has, after `deno task build --all`
 *
 * `--base-url` is the URL that the files will be downloaded from. Without it there are only packages that have the
 * program in themselves. dist/SHA256SUMS gets the checksums of all of them.
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { installerFor, nameFor, sumsOf, TARGETS } from "../build.ts";
import config from "../deno.json" with { type: "json" };
import { pkgbuild } from "./aur.ts";
import { writeDeb } from "./deb.ts";
import { formula } from "./homebrew.ts";
import { writeImage } from "./image.ts";
import { writeNpm } from "./npm.ts";
import {
  homepageOf,
  type Program,
  programNamed,
  type PublicRelease,
  type Release,
} from "./release.ts";
import { scoopManifest } from "./scoop.ts";
import { writeShare } from "./share.ts";
import { runTool, sha256Of, writeTree } from "./tools.ts";
import { wingetManifests } from "./winget.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DIST = join(ROOT, "dist");

/** Makes packages that have programs in themselves; resolves with their paths. */
type Make = (release: Release, out: string, url?: string) => Promise<readonly string[]>;

const KINDS: Readonly<Record<string, Make>> = {
  deb: (release, out, url) =>
    Promise.all(linux(release).map((program) => writeDeb(program, release, out, url))),
  npm: writeNpm,
  image: async (release, out, url) => [await writeImage(release, linux(release), out, url)],
};

function linux({ programs }: Release): Program[] {
  return programs.filter(({ system }) => system === "linux");
}

/** The time of the commit, so that all packages of a commit are the same. */
async function dateOf(root: string): Promise<Date> {
  const given = Deno.env.get("SOURCE_DATE_EPOCH");
  const text = given ?? await runTool(["git", "log", "-1", "--format=%ct"], { cwd: root });
  return new Date(Number(text) * 1000);
}

/** The programs in `folder` that are for one of `targets`. */
async function programsIn(folder: string, targets: readonly string[]): Promise<Program[]> {
  const found: Program[] = [];
  for (const file of targets.map(nameFor)) {
    const path = join(folder, file);
    try {
      found.push({ file, path, ...programNamed(file)!, sha256: await sha256Of(path) });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return found;
}

/** Writes the files that name a public release, and what they download. */
export async function writeManifests(
  release: Release,
  out: string,
  url: string,
): Promise<readonly string[]> {
  const file = "pullama-share.tar.gz";
  await writeShare(release, join(out, file));
  const share = { file, sha256: await sha256Of(join(out, file)) };
  const open: PublicRelease = { ...release, url, homepage: homepageOf(url), share };
  const texts = {
    ...formula(open),
    ...scoopManifest(open),
    ...wingetManifests(open),
    ...pkgbuild(open),
  };
  await writeTree(out, texts);
  return [file, ...Object.keys(texts)].map((name) => join(out, name));
}

async function main(kinds: readonly string[], baseUrl: string | undefined): Promise<void> {
  const unknown = kinds.find((kind) => !Object.hasOwn(KINDS, kind));
  if (unknown !== undefined) {
    throw new Error(`unknown kind ${unknown}: use ${Object.keys(KINDS).join(", ")}`);
  }
  Deno.umask(0o022);
  // The scripts of the release are made of the same URL, by the same rules.
  const url = baseUrl === undefined ? undefined : installerFor("@BASE_URL@", baseUrl, "");
  const targets = url === undefined ? [Deno.build.target] : TARGETS;
  const programs = await programsIn(DIST, targets);
  if (programs.length < targets.length) {
    const task = url === undefined ? "deno task build" : "deno task build --all";
    throw new Error(`not all programs are in dist: run ${task} first`);
  }
  const release = { version: config.version, date: await dateOf(ROOT), programs };
  const made: string[] = [];
  for (const kind of kinds.length > 0 ? kinds : Object.keys(KINDS)) {
    made.push(...await KINDS[kind]!(release, DIST, url));
  }
  if (url !== undefined) made.push(...await writeManifests(release, DIST, url));
  await addSums(made);
  for (const path of made) console.log(path);
}

/** Adds `files` to the checksums of those that a build has made. */
async function addSums(files: readonly string[]): Promise<void> {
  const list = join(DIST, "SHA256SUMS");
  const sums = await sumsOf(files);
  const names = sums.split("\n").map((line) => line.slice(66));
  const before = await textOf(list);
  const kept = before.split("\n").filter((line) => line !== "" && !names.includes(line.slice(66)));
  const lines = [...kept, ...sums.trimEnd().split("\n")];
  lines.sort((a, b) => a.slice(66) < b.slice(66) ? -1 : 1);
  await Deno.writeTextFile(list, `${lines.join("\n")}\n`);
}

/** The text of a file; empty if there is none. */
async function textOf(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

if (import.meta.main) {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { "base-url": { type: "string" } },
    });
    await main(positionals, values["base-url"]);
  } catch (error) {
    console.error(`cannot package: ${error instanceof Error ? error.message : error}`);
    Deno.exit(1);
  }
}
