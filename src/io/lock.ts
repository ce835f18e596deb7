/**
 * Advisory locks on lock files, which the system releases when the process ends for any reason.
 * Taking or releasing a lock never removes the file; if something else does, the inode check below
 * detects it.
 */

import { orAborted } from "./abort.ts";
import { systemClock } from "./clock.ts";
import { type Ownership, realDisk } from "./disk.ts";
import { fileError, isExisting, isLockUnsupported, isMissing } from "./file_error.ts";
import { openOwnFile, readSmallFile } from "./guarded.ts";
import { settledInOwnTime, tryNow } from "./system/try_lock.ts";
import { HELD, tryHeartbeatLock, waitHeartbeatLock } from "./heartbeat_lock.ts";

/** A lock, held until it is disposed. */
export interface Lock extends Disposable {
  readonly path: string;
  /** The file system has no locks: it is a file that is rewritten every few seconds. */
  readonly isSubstitute?: true;
}

/** The holder of a lock as written in the lock file, such as `pid 4711 on host`. */
export type Holder = string;

/** How often a name that is neither there nor free is tried, and the pause before it is tried again. */
const MOST_ROUNDS = 100;
const REMOVED_MS = 50;

/** This process, for others that wait. */
const HOLDER: Holder = `pid ${Deno.pid} on ${Deno.hostname()}`;

/** Bytes of a holder at most, and its form. */
const MOST_NOTE = 200;
const NOTE = /^[\x20-\x7e]+$/;

class Held implements Lock {
  #open = true;

  constructor(readonly path: string, private readonly file: Deno.FsFile) {}

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    this.file.close();
  }
}

/** Exclusive, or shared with other shared holders. */
export interface LockMode {
  readonly shared?: boolean;
  /** Ownership of the lock file if it is created. */
  readonly ownership?: Ownership;
}

/**
 * Takes the lock, or returns undefined if it is held. The holder is written to the file; of several
 * shared holders the last one.
 */
export async function tryLock(path: string, mode: LockMode = {}): Promise<Lock | undefined> {
  for (;;) {
    const file = await openLockFile(path, mode.ownership);
    if (!file) return undefined;
    let held = false;
    try {
      if (!await tryNow(file, !mode.shared, path)) return undefined;
      held = await isStill(file, path);
    } catch (error) {
      if (!isLockUnsupported(error)) throw error;
      const substitute = await tryHeartbeatLock(path, HOLDER, mode.shared);
      return substitute && substituteFor(path, substitute);
    } finally {
      if (!held) file.close();
    }
    if (held) return await keep(file, path);
  }
}

/**
 * Locks an existing data file itself, as protection against a lock file that is removed while held:
 * another process that creates a new lock file of that name fails here. Undefined if it is locked.
 * Does nothing on Windows, where no process can write to or rename a locked file.
 */
export async function guardData(path: string, patienceMs?: number): Promise<Lock | undefined> {
  if (Deno.build.os === "windows") return { path, [Symbol.dispose]() {} };
  return await tryLockExisting(path, patienceMs);
}

/**
 * Takes the lock of a file that exists, to which nothing is written. Undefined if it is held. Does
 * nothing where the file system has no locks. Rejects with kind local, also if the file is missing.
 */
export async function tryLockExisting(
  path: string,
  patienceMs?: number,
): Promise<Lock | undefined> {
  const file = await openOwnFile(path);
  let held = false;
  try {
    held = await tryNow(file, true, path, patienceMs);
    return held ? new Held(path, file) : undefined;
  } catch (error) {
    if (!isLockUnsupported(error)) throw error;
    return { path, [Symbol.dispose]() {} };
  } finally {
    if (!held) file.close();
  }
}

/**
 * Takes the lock, waiting while it is held; `onWait` is called once if so. Rejects with the reason
 * of `signal` if that is aborted first.
 */
export async function waitLock(
  path: string,
  options: LockMode & {
    readonly signal: AbortSignal;
    readonly onWait: (holder: Holder | undefined) => void;
  },
): Promise<Lock> {
  const { shared = false, ownership, signal, onWait } = options;
  let told = false;
  async function tell(): Promise<void> {
    if (told) return;
    const holder = await holderOf(path);
    told = !signal.aborted;
    if (told) onWait(holder);
  }

  for (;;) {
    signal.throwIfAborted();
    const file = await openLockFile(path, ownership);
    if (!file) {
      await tell();
      await systemClock.sleep(REMOVED_MS, signal);
      continue;
    }
    let held = false;
    try {
      // One pending request for the whole wait: a request cannot be cancelled and occupies a
      // thread, so polling would use up all threads.
      const request = file.lock(!shared);
      request.catch(() => {});
      if (!told && !await settledInOwnTime(request, signal)) await tell();
      await orAborted(request, signal);
      held = await isStill(file, path);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (!isLockUnsupported(error)) throw fileError(error, "lock", path);
      const substitute = await waitHeartbeatLock(path, HOLDER, shared, signal, tell);
      return substituteFor(path, substitute);
    } finally {
      // A lock granted after close is released at once.
      if (!held) file.close();
    }
    if (held) return await keep(file, path);
  }
}

/** The last holder written to the lock file; undefined if there is none. */
export async function holderOf(path: string): Promise<Holder | undefined> {
  try {
    const file = await readSmallFile(path + HELD, MOST_NOTE) ??
      await readSmallFile(path, MOST_NOTE);
    const line = new TextDecoder().decode(file?.bytes).split("\n", 1)[0]!;
    return NOTE.test(line) ? line : undefined;
  } catch {
    return undefined;
  }
}

function substituteFor(path: string, lock: Disposable): Lock {
  return { path, isSubstitute: true, [Symbol.dispose]: () => lock[Symbol.dispose]() };
}

/** Writes this process into the file, unless its content is not that of a lock file. */
async function keep(file: Deno.FsFile, path: string): Promise<Lock> {
  try {
    const buffer = new Uint8Array(MOST_NOTE);
    const length = await file.read(buffer) ?? 0;
    if (length === 0 || new TextDecoder().decode(buffer.subarray(0, length)).startsWith("pid ")) {
      const text = new TextEncoder().encode(`${HOLDER}\n`);
      await file.truncate(0);
      await file.seek(0, Deno.SeekMode.Start);
      await file.write(text);
    }
  } catch {
    // The holder is only informative: a full disk must not make this fail.
  }
  return new Held(path, file);
}

/**
 * Opens or creates the lock file. Its ownership matters because other users may lock it later. Undefined where it was
 * removed while it is held: until its holder lets go of it, Windows has the name, but no file of that name.
 */
async function openLockFile(
  path: string,
  ownership: Ownership = {},
): Promise<Deno.FsFile | undefined> {
  for (let round = 0; round < MOST_ROUNDS; round++) {
    try {
      return await openOwnFile(path);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    try {
      Deno.openSync(path, { write: true, createNew: true }).close();
    } catch (error) {
      if (isExisting(error)) continue;
      throw fileError(error, "create", path);
    }
    try {
      await realDisk.own(path, ownership);
    } catch (error) {
      // While it is not locked, another process may remove it as one that was left.
      if (!isMissing(error)) throw error;
    }
  }
  return undefined;
}

/** Whether `path` still names the locked file. */
async function isStill(file: Deno.FsFile, path: string): Promise<boolean> {
  const held = await file.stat();
  try {
    const named = await Deno.stat(path);
    return held.ino === null || (held.ino === named.ino && held.dev === named.dev);
  } catch {
    return false;
  }
}
