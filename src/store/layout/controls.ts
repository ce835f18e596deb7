/**
 * What other commands have set for all pulls of a models folder: a rate, and that they are paused. Only files of trusted
 * users count; one that cannot be read or understood is none.
 */

import { PullamaError } from "../../core/errors.ts";
import { againIfRemoved, replaceFile } from "../../io/atomic.ts";
import { readSmallFile } from "../../io/guarded.ts";
import { draftBeside, type Folder, makeOwnFolder } from "./folder.ts";
import { makeRoot } from "./ownership.ts";
import type { Paths } from "./paths.ts";
import { isTrusted, requireOwnFolders, trustedUsers } from "./trust.ts";

export interface Controls {
  /** Bytes per second of each pull; undefined: as it was started. */
  readonly rate: number | undefined;
  readonly paused: boolean;
}

/** Bytes of a file at most. */
const MOST_BYTES = 100;
/** Another user may give any file of ours a second name, but none has such a content. */
const PAUSED = "paused\n";
const RATE = /^rate (\d{1,15})\n$/;

/** What holds now. Never rejects. */
export async function readControls(paths: Paths): Promise<Controls> {
  const [rate, paused] = await Promise.all(
    [paths.limit, paths.paused].map((path) => read(paths, path)),
  );
  const number = Number(RATE.exec(rate ?? "")?.[1] ?? 0);
  return { rate: number > 0 ? number : undefined, paused: paused === PAUSED };
}

/** Sets or removes the rate. Rejects with kind local. */
export async function writeRate(folder: Folder, rate: number | undefined): Promise<void> {
  await write(folder, folder.paths.limit, rate === undefined ? undefined : `rate ${rate}\n`);
}

/** Pauses all pulls, or lets them continue. Rejects with kind local. */
export async function writePaused(folder: Folder, paused: boolean): Promise<void> {
  await write(folder, folder.paths.paused, paused ? PAUSED : undefined);
}

async function read(paths: Paths, path: string): Promise<string | undefined> {
  try {
    const file = await readSmallFile(path, MOST_BYTES);
    if (!file || !isTrusted(file.uid, await trustedUsers(paths.root))) return undefined;
    return new TextDecoder().decode(file.bytes);
  } catch {
    return undefined;
  }
}

/** Pulls of other users would not believe the file. */
async function requireSay(root: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  const owner = (await Deno.stat(root).catch(() => undefined))?.uid;
  const user = Deno.uid();
  if (owner === undefined || owner === null || user === 0 || user === owner) return;
  throw new PullamaError("local", `only the owner of ${root} can set this for all its pulls`, {
    hint: `it belongs to the user ${owner}; a pull of your own takes --limit-rate and --window`,
  });
}

/** Undefined: removes the file. */
async function write(folder: Folder, path: string, text: string | undefined): Promise<void> {
  const { disk, paths } = folder;
  await requireOwnFolders(paths);
  if (text === undefined) return await disk.remove(path);
  await requireSay(paths.root);
  await makeRoot(disk, paths.root);
  const ownership = await makeOwnFolder(folder, paths.queueFolder);
  const bytes = new TextEncoder().encode(text);
  await againIfRemoved(() => replaceFile(disk, path, draftBeside(path), bytes, ownership));
}
