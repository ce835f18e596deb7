/** The commands that are compared: each makes a verified copy of the blob. */

import type { BigModel } from "./fixture.ts";

export interface Contender {
  readonly name: string;
  /** Downloads to `folder`, which is new and empty. */
  command(model: BigModel, folder: string): readonly string[];
  /** The path of the copy in `folder`; undefined if it makes none. */
  copy(model: BigModel): string | undefined;
}

/** The contenders by their names in `--only`. `pullama` is the path of the compiled program. */
export function contenders(pullama: string): Readonly<Record<string, Contender>> {
  const pull = (...flags: string[]): Contender => ({
    name: ["pullama", ...flags].join(" "),
    command: ({ name }, folder) => [
      pullama,
      name,
      "--insecure",
      "--quiet",
      "--models-dir",
      folder,
      ...flags,
    ],
    copy: ({ sha256 }) => `blobs/sha256-${sha256}`,
  });
  return {
    openssl: {
      name: "openssl dgst -sha256 (no download)",
      command: ({ file, sha256 }) =>
        shell('openssl dgst -sha256 -r "$1" | grep -q "^$2"', file, sha256),
      copy: () => undefined,
    },
    pullama: pull(),
    curl: {
      name: "curl, tee, openssl dgst",
      command: ({ url, sha256 }, folder) =>
        shell(
          'curl -sSf "$1" | tee "$2/blob" | openssl dgst -sha256 -r | grep -q "^$3"',
          url,
          folder,
          sha256,
        ),
      copy: () => "blob",
    },
    aria2c: {
      name: "aria2c -x4 -s4 --checksum",
      command: ({ url, sha256 }, folder) => [
        "aria2c",
        "-q",
        "-x4",
        "-s4",
        `--checksum=sha-256=${sha256}`,
        "-d",
        folder,
        "-o",
        "blob",
        url,
      ],
      copy: () => "blob",
    },
    "pullama-1": pull("--connections", "1"),
    "pullama-16": pull("--connections", "16"),
  };
}

function shell(script: string, ...args: string[]): string[] {
  return ["bash", "-c", `set -euo pipefail; ${script}`, "bash", ...args];
}
