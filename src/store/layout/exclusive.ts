/** Locking pulls out of the models folder, or finding out which ones are running. */

import { PullamaError } from "../../core/errors.ts";
import type { Ownership } from "../../io/disk.ts";
import { holderOf, tryLock } from "../../io/lock.ts";
import { isLocked } from "../../io/lock_peek.ts";
import { type Folder, makeOwnFolder } from "./folder.ts";
import type { StoredIntent } from "./intents.ts";

/** The store lock, or who has it. While `held`, no other process uses the models folder until this is disposed. */
export interface Exclusive extends Disposable {
  readonly held: boolean;
  /** Who has the lock, if that is known. */
  readonly holder: string | undefined;
  /** The ownership of new lock files; undefined where none may be made. */
  readonly ownership: Ownership | undefined;
}

/**
 * Takes the store lock exclusively if it is free. With `peek` only checks whether it is, and makes no file.
 * The models folder has to exist. Rejects with kind local.
 */
export async function tryExclusive(folder: Folder, peek: boolean): Promise<Exclusive> {
  const { own, storeLock } = folder.paths;
  const ownership = peek ? undefined : await makeOwnFolder(folder, own);
  const lock = await lockOf(storeLock, ownership);
  return {
    held: lock !== undefined,
    holder: lock ? undefined : await holderOf(storeLock),
    ownership,
    [Symbol.dispose]: () => lock?.[Symbol.dispose](),
  };
}

/** Takes the store lock exclusively. Rejects with kind `busy`, naming the holder, and with kind local. */
export async function requireExclusive(folder: Folder): Promise<Exclusive> {
  return required(await tryExclusive(folder, false));
}

/** The lock if it is held. Throws kind `busy`, naming the holder. */
export function required(exclusive: Exclusive): Exclusive {
  if (exclusive.held) return exclusive;
  const holder = exclusive.holder === undefined ? "" : ` (${exclusive.holder})`;
  throw new PullamaError("busy", `a pull is running, or models are being removed${holder}`, {
    hint: "run the same command again when it has finished",
  });
}

/**
 * Those of `intents` whose pull is running, each with the holder of its lock. The locks of the others are added to
 * `held`: they are not pulled until it is disposed. Without `ownership` no lock is kept and no file is made.
 */
export async function activeIntents(
  intents: readonly StoredIntent[],
  held: DisposableStack,
  ownership: Ownership | undefined,
): Promise<Map<StoredIntent, string | undefined>> {
  const active = new Map<StoredIntent, string | undefined>();
  for (const intent of intents) {
    const lock = await lockOf(intent.lock, ownership);
    if (!lock) active.set(intent, await holderOf(intent.lock));
    else if (ownership) held.use(lock);
    else lock[Symbol.dispose]();
  }
  return active;
}

/** Undefined: another process has it. Without `ownership` no file is made or written to. */
async function lockOf(
  path: string,
  ownership: Ownership | undefined,
): Promise<Disposable | undefined> {
  if (ownership) return await tryLock(path, { ownership });
  return await isLocked(path) ? undefined : { [Symbol.dispose]() {} };
}
