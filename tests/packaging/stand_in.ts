/** A release whose programs are small scripts. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { nameFor, TARGETS } from "../../build.ts";
import { type Program, programNamed, type Release } from "../../packaging/release.ts";
import { runToEnd } from "../real/child.ts";

export const VERSION = "9.8.7";
export const URL_OF_FILES = "https://example.org/pullama/releases/download/v9.8.7";

/** Says its version and arguments; exits as told, or waits for a signal and says which one. */
export const SCRIPT = `#!/bin/sh
case $1 in
  exit) exit "$2" ;;
  wait)
    trap 'echo interrupted; exit 0' INT
    trap 'echo terminated; exit 7' TERM
    echo waiting
    while :; do sleep 0.05; done ;;
  *) echo "pullama ${VERSION} $*" ;;
esac
`;

/** Writes the programs of all targets, or those of `targets`, into `folder`. */
export async function standInRelease(
  folder: string,
  targets: readonly string[] = TARGETS,
): Promise<Release> {
  const programs: Program[] = [];
  for (const file of targets.map(nameFor)) {
    const content = `${SCRIPT}# ${file}\n`;
    await Deno.writeTextFile(`${folder}/${file}`, content, { mode: 0o755 });
    const sha256 = createHash("sha256").update(content).digest("hex");
    programs.push({ file, ...programNamed(file)!, path: `${folder}/${file}`, sha256 });
  }
  return { version: VERSION, date: new Date("2026-12-01T10:00:00Z"), programs };
}

/** Runs a command that has to succeed, and returns its output. */
export async function output(...command: readonly string[]): Promise<string> {
  const { code, out, err } = await runToEnd(command, { env: { LC_ALL: "C.UTF-8" } });
  assert.equal(code, 0, out + err);
  return out;
}
