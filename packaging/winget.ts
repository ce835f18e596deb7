/** The three manifests of a package for winget. */

import { ABOUT, programFor, type PublicRelease } from "./release.ts";

/** Of the form, not of the program. */
const MANIFEST_VERSION = "1.6.0";

export function wingetManifests(release: PublicRelease): Record<string, string> {
  const id = `${ABOUT.publisher}.${ABOUT.publisher}`;
  const { file, sha256 } = programFor(release, "windows", "amd64");
  const manifest = (type: string, fields: Readonly<Record<string, unknown>>) =>
    yaml({
      PackageIdentifier: id,
      PackageVersion: release.version,
      ...fields,
      ManifestType: type,
      ManifestVersion: MANIFEST_VERSION,
    });
  return {
    [`${id}.yaml`]: manifest("version", { DefaultLocale: "en-US" }),
    [`${id}.installer.yaml`]: manifest("installer", {
      InstallerType: "portable",
      Commands: [ABOUT.name],
      ReleaseDate: release.date.toISOString().slice(0, 10),
      Installers: [{
        Architecture: "x64",
        InstallerUrl: `${release.url}/${file}`,
        InstallerSha256: sha256.toUpperCase(),
      }],
    }),
    [`${id}.locale.en-US.yaml`]: manifest("defaultLocale", {
      PackageLocale: "en-US",
      Publisher: ABOUT.authors,
      PackageName: ABOUT.name,
      PackageUrl: release.homepage,
      License: ABOUT.license,
      ShortDescription: `${ABOUT.summary}.`,
      Description: ABOUT.details.join(" "),
      Moniker: ABOUT.name,
      Tags: ["llm", "ollama", "download"],
    }),
  };
}

/** JSON is YAML, but its readers expect one field per line. */
function yaml(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(fields).map(([name, value]) => field(name, value, "")).join("");
}

function field(name: string, value: unknown, indent: string): string {
  if (!Array.isArray(value)) return `${indent}${name}: ${JSON.stringify(value)}\n`;
  return `${indent}${name}:\n${value.map((each) => listed(each, indent)).join("")}`;
}

function listed(value: unknown, indent: string): string {
  if (typeof value !== "object" || value === null) return `${indent}- ${JSON.stringify(value)}\n`;
  const fields = Object.entries(value).map(([name, of]) => field(name, of, `${indent}  `)).join("");
  return `${indent}- ${fields.trimStart()}`;
}
