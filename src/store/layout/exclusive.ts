/** Keeping pulls out of the models folder, or finding out which ones are in it. */

import { PullamaError } from "../../core/errors.ts";
import type { Disk, Ownership } from "../../io/disk.ts";
import { holderOf, tryLock, tryLockExisting } from "../../io/lock.ts";
import { statOf } from "../../io/stat.ts";
import { makeFolder, ownershipIn } from "./ownership.ts";
import type { Paths } from "./paths.ts";
import type { StoredIntent } from "./intents.ts";

/** Whether nobody else is at work in the models folder, and nobody begins until this is disposed. */
export interface Exclusive extends Disposable {
  readonly held: boolean;
  /** Who is, if that can be told. */
  readonly holder: string | undefined;
  /** What a new lock file is given; undefined where none is to be made. */
  readonly ownership: Ownership | undefined;
}

/**
 * Takes the store lock for one process alone, if that is possible at once. With `peek` it is only found out.
 * The models folder has to exist. Rejects with kind local.
 */
export async function tryExclusive(disk: Disk, paths: Paths, peek: boolean): Promise<Exclusive> {
  const ownership = peek ? undefined : await prepare(disk, paths);
  const lock = await lockOf(paths.storeLock, ownership);
  return {
    held: lock !== undefined,
    holder: lock ? undefined : await holderOf(paths.storeLock),
    ownership,
    [Symbol.dispose]: () => lock?.[Symbol.dispose](),
  };
}

/** The same where it has to be. Rejects with kind `busy`, naming who is at work. */
export async function requireExclusive(disk: Disk, paths: Paths): Promise<Exclusive> {
  const exclusive = await tryExclusive(disk, paths, false);
  if (exclusive.held) return exclusive;
  const who = exclusive.holder === undefined ? "" : ` (${exclusive.holder})`;
  throw new PullamaError("busy", `a pull is running, or models are being removed${who}`, {
    hint: "run the same command again when that has ended",
  });
}

/**
 * Of `wanted` those that are being pulled, each with who does it. No pull of the others begins until `held` is
 * disposed, if there is a `look` for lock files; else that is only found out.
 */
export async function activeIntents(
  intents: readonly StoredIntent[],
  held: DisposableStack,
  ownership: Ownership | undefined,
): Promise<Map<StoredIntent, string | undefined>> {
  const atWork = new Map<StoredIntent, string | undefined>();
  for (const note of intents) {
    const lock = await lockOf(note.lock, ownership);
    if (!lock) atWork.set(note, await holderOf(note.lock));
    else if (ownership) held.use(lock);
    else lock[Symbol.dispose]();
  }
  return atWork;
}

/** Undefined: it is held. Without a `look` none is made, and nothing written into one that is there. */
async function lockOf(
  path: string,
  ownership: Ownership | undefined,
): Promise<Disposable | undefined> {
  if (ownership) return await tryLock(path, { ownership });
  return await statOf(path) ? await tryLockExisting(path) : { [Symbol.dispose]() {} };
}

async function prepare(disk: Disk, paths: Paths): Promise<Ownership> {
  await makeFolder(disk, paths.own, (await ownershipIn(paths.root)).folder);
  return (await ownershipIn(paths.own)).file;
}
