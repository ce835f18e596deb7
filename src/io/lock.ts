/**
 * Advisory locks on lock files, freed by the system when the process ends however it ends. A lock file
 * is never removed by who uses it; should somebody else remove it, the inode check below finds out.
 */

import { type Ownership, realDisk } from "./disk.ts";
import { fileError, isExisting, isMissing } from "./file_error.ts";

/** A lock that is held until disposed. */
export interface Lock extends Disposable {
  readonly path: string;
}

/** Who holds a lock, as the holder wrote it into the file, such as `pid 4711 on host`. */
export type Holder = string;

/** How long a try may take where the system offers no try that returns at once. */
const TRY_MS = 300;

class Held implements Lock {
  #open = true;

  constructor(readonly path: string, private readonly file: Deno.FsFile) {}

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    this.file.close();
  }
}

/** How a lock is taken: exclusively, or shared with other shared holders. */
export interface LockMode {
  readonly shared?: boolean;
  /** What the lock file is given when it has to be made. */
  readonly ownership?: Ownership;
}

/**
 * Takes the lock if it is free. Undefined: it is held. Who takes it writes itself into the file; of
 * several shared holders the last one is read there.
 */
export async function tryLock(path: string, mode: LockMode = {}): Promise<Lock | undefined> {
  for (;;) {
    const file = await openLockFile(path, mode.ownership);
    let held = false;
    try {
      if (!await tryNow(file, !mode.shared, path)) return undefined;
      held = await isStill(file, path);
    } finally {
      if (!held) file.close();
    }
    if (held) return await keep(file, path);
  }
}

/**
 * Locks an existing file of data itself, for the case that its lock file was removed under its holder: a
 * second one with a new lock file of the same name finds out here. Nothing is written into it. Undefined:
 * it is held. Not on Windows, where a locked file can neither be written nor renamed by anybody.
 */
export async function tryLockExisting(path: string): Promise<Lock | undefined> {
  if (Deno.build.os === "windows") return { path, [Symbol.dispose]() {} };
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path, { read: true, write: true });
  } catch (error) {
    throw fileError(error, "open", path);
  }
  let held = false;
  try {
    held = await tryNow(file, true, path);
    return held ? new Held(path, file) : undefined;
  } finally {
    if (!held) file.close();
  }
}

/**
 * Takes the lock, waiting for whoever holds it; `onWait` is called once if there is somebody. Rejects
 * with the reason of `signal` when that is aborted first.
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
  for (;;) {
    signal.throwIfAborted();
    const file = await openLockFile(path, ownership);
    let held = false;
    try {
      // One pending request for the whole wait: where a try cannot be taken back it occupies a thread,
      // and polling would use them all up.
      const request = file.lock(!shared);
      request.catch(() => {});
      if (!await settledWithin(request, told ? 0 : TRY_MS, signal) && !told) {
        told = true;
        onWait(await holderOf(path));
      }
      await orAborted(request, signal);
      held = await isStill(file, path);
    } catch (error) {
      throw signal.aborted ? signal.reason : fileError(error, "lock", path);
    } finally {
      // A lock that is granted after close is dropped at once.
      if (!held) file.close();
    }
    if (held) return await keep(file, path);
  }
}

/** Who wrote itself into the lock file last; undefined where nobody did. */
export async function holderOf(path: string): Promise<Holder | undefined> {
  try {
    const line = (await Deno.readTextFile(path)).split("\n", 1)[0]!.slice(0, 200);
    return /^[\x20-\x7e]+$/.test(line) ? line : undefined;
  } catch {
    return undefined;
  }
}

async function keep(file: Deno.FsFile, path: string): Promise<Lock> {
  try {
    const text = new TextEncoder().encode(`pid ${Deno.pid} on ${Deno.hostname()}\n`);
    await file.truncate(0);
    await file.write(text);
  } catch {
    // The note is a courtesy to who waits; a full disk must not keep a pull from going on.
  }
  return new Held(path, file);
}

/** Opens the lock file. One that has to be made looks like its folder: another user locks it tomorrow. */
async function openLockFile(path: string, ownership: Ownership = {}): Promise<Deno.FsFile> {
  for (;;) {
    try {
      return await Deno.open(path, { read: true, write: true });
    } catch (error) {
      if (!isMissing(error)) throw fileError(error, "open", path);
    }
    try {
      Deno.openSync(path, { write: true, createNew: true }).close();
      await realDisk.own(path, ownership);
    } catch (error) {
      if (!isExisting(error)) throw fileError(error, "create", path);
    }
  }
}

async function tryNow(file: Deno.FsFile, exclusive: boolean, path: string): Promise<boolean> {
  // Missing in runtimes before 2.7.
  const now = (file as { tryLock?: (exclusive: boolean) => Promise<boolean> }).tryLock;
  if (typeof now === "function") {
    try {
      return await now.call(file, exclusive);
    } catch (error) {
      // Windows says "locked by another process" where others say no.
      if (/\(os error 33\)/.test(String(error))) return false;
      throw fileError(error, "lock", path);
    }
  }
  const request = file.lock(exclusive);
  request.catch(() => {});
  return await settledWithin(request, TRY_MS);
}

/** Whether the locked file is still the one the path names. */
async function isStill(file: Deno.FsFile, path: string): Promise<boolean> {
  const held = await file.stat();
  try {
    const named = await Deno.stat(path);
    return held.ino === null || (held.ino === named.ino && held.dev === named.dev);
  } catch {
    return false;
  }
}

async function settledWithin(
  work: Promise<unknown>,
  ms: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const timer = Promise.withResolvers<false>();
  const handle = setTimeout(() => timer.resolve(false), ms);
  const aborted = () => timer.resolve(false);
  signal?.addEventListener("abort", aborted);
  try {
    return await Promise.race([work.then(() => true), timer.promise]);
  } finally {
    clearTimeout(handle);
    signal?.removeEventListener("abort", aborted);
  }
}

async function orAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const abort = Promise.withResolvers<never>();
  const aborted = () => abort.reject(signal.reason);
  if (signal.aborted) aborted();
  signal.addEventListener("abort", aborted, { once: true });
  abort.promise.catch(() => {});
  try {
    await Promise.race([work, abort.promise]);
  } finally {
    signal.removeEventListener("abort", aborted);
  }
}
