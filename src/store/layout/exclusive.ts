/** Keeping pulls out of the models folder, or finding out which ones are in it. */

import { PullamaError } from "../../core/errors.ts";
import type { Disk, Ownership } from "../../io/disk.ts";
import { holderOf, tryGuard, tryLock } from "../../io/lock.ts";
import { statOf } from "../../io/stat.ts";
import { likenessOf, makeFolder } from "./ownership.ts";
import type { Paths } from "./paths.ts";
import type { Wanted } from "./intents.ts";

/** Whether nobody else is at work in the models folder, and nobody begins until this is disposed. */
export interface Alone extends Disposable {
  readonly is: boolean;
  /** Who is, if that can be told. */
  readonly holder: string | undefined;
  /** What a new lock file is given; undefined where none is to be made. */
  readonly look: Ownership | undefined;
}

/**
 * Takes the store lock for one process alone, if that is possible at once. With `peek` it is only found out.
 * The models folder has to exist. Rejects with kind local.
 */
export async function tryAlone(disk: Disk, paths: Paths, peek: boolean): Promise<Alone> {
  const look = peek ? undefined : await prepare(disk, paths);
  const lock = await lockOf(paths.storeLock, look);
  return {
    is: lock !== undefined,
    holder: lock ? undefined : await holderOf(paths.storeLock),
    look,
    [Symbol.dispose]: () => lock?.[Symbol.dispose](),
  };
}

/** The same where it has to be. Rejects with kind `busy`, naming who is at work. */
export async function requireAlone(disk: Disk, paths: Paths): Promise<Alone> {
  const alone = await tryAlone(disk, paths, false);
  if (alone.is) return alone;
  const who = alone.holder === undefined ? "" : ` (${alone.holder})`;
  throw new PullamaError("busy", `a pull is running, or models are being removed${who}`, {
    hint: "run the same command again when that has ended",
  });
}

/**
 * Of `wanted` those that are being pulled, each with who does it. No pull of the others begins until `held` is
 * disposed, if there is a `look` for lock files; else that is only found out.
 */
export async function modelsAtWork(
  wanted: readonly Wanted[],
  held: DisposableStack,
  look: Ownership | undefined,
): Promise<Map<Wanted, string | undefined>> {
  const atWork = new Map<Wanted, string | undefined>();
  for (const note of wanted) {
    const lock = await lockOf(note.lock, look);
    if (!lock) atWork.set(note, await holderOf(note.lock));
    else if (look) held.use(lock);
    else lock[Symbol.dispose]();
  }
  return atWork;
}

/** Undefined: it is held. Without a `look` none is made, and nothing written into one that is there. */
async function lockOf(path: string, look: Ownership | undefined): Promise<Disposable | undefined> {
  if (look) return await tryLock(path, { look });
  return await statOf(path) ? await tryGuard(path) : { [Symbol.dispose]() {} };
}

async function prepare(disk: Disk, paths: Paths): Promise<Ownership> {
  await makeFolder(disk, paths.own, (await likenessOf(paths.root)).folder);
  return (await likenessOf(paths.own)).file;
}
