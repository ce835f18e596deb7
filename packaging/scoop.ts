/** A manifest for Scoop; `scoop install URL` takes it from anywhere. */

import { ABOUT, programFor, type PublicRelease } from "./release.ts";

export function scoopManifest(release: PublicRelease): Record<string, string> {
  const { url, homepage, version } = release;
  const { file, sha256 } = programFor(release, "windows", "amd64");
  const manifest = {
    version,
    description: `${ABOUT.summary}.`,
    homepage,
    license: ABOUT.license,
    architecture: { "64bit": { url: `${url}/${file}#/pullama.exe`, hash: sha256 } },
    bin: "pullama.exe",
    checkver: { github: homepage },
    autoupdate: {
      architecture: {
        "64bit": { url: `${url.replaceAll(version, "$version")}/${file}#/pullama.exe` },
      },
      hash: { url: "$baseurl/SHA256SUMS" },
    },
  };
  return { "pullama.json": `${JSON.stringify(manifest, null, 4)}\n` };
}
