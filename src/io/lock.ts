/**
 * Advisory locks on lock files, freed by the system when the process ends however it ends. A lock file
 * is never removed by who uses it; should somebody else remove it, the inode check below finds out.
 */

import { localFailure } from "./failure.ts";

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

/**
 * Takes the lock if it is free: exclusively, or shared with other shared holders. Undefined: it is held.
 * An exclusive holder writes who it is into the file.
 */
export async function tryLock(path: string, shared = false): Promise<Lock | undefined> {
  for (;;) {
    const file = await openLockFile(path);
    let granted = false;
    try {
      granted = await tryNow(file, !shared);
      if (!granted) return undefined;
      if (await isStill(file, path)) return keep(file, path, shared);
      granted = false;
    } finally {
      if (!granted) file.close();
    }
  }
}

/**
 * Takes the lock, waiting for whoever holds it; `onWait` is called once if there is somebody. Rejects
 * with the reason of `signal` when that is aborted first.
 */
export async function waitLock(
  path: string,
  options: {
    readonly shared?: boolean;
    readonly signal: AbortSignal;
    readonly onWait: (holder: Holder | undefined) => void;
  },
): Promise<Lock> {
  const { shared = false, signal, onWait } = options;
  let told = false;
  for (;;) {
    signal.throwIfAborted();
    const file = await openLockFile(path);
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
    } catch (error) {
      // A lock that is granted after close is dropped at once.
      file.close();
      throw signal.aborted ? signal.reason : localFailure(error, "lock", path);
    }
    if (await isStill(file, path)) return keep(file, path, shared);
    file.close();
  }
}

/** Who wrote itself into the lock file last; undefined where nobody did. */
export async function holderOf(path: string): Promise<Holder | undefined> {
  try {
    const text = (await Deno.readTextFile(path)).trim().slice(0, 200);
    return /^[\x20-\x7e]+$/.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

async function keep(file: Deno.FsFile, path: string, shared: boolean): Promise<Lock> {
  if (!shared) {
    try {
      const text = new TextEncoder().encode(`pid ${Deno.pid} on ${Deno.hostname()}\n`);
      await file.truncate(0);
      await file.write(text);
    } catch {
      // The note is a courtesy to who waits; a full disk must not keep a pull from going on.
    }
  }
  return new Held(path, file);
}

async function openLockFile(path: string): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path, { create: true, read: true, write: true });
  } catch (error) {
    throw localFailure(error, "create", path);
  }
}

async function tryNow(file: Deno.FsFile, exclusive: boolean): Promise<boolean> {
  // Missing in runtimes before 2.7.
  const now = (file as { tryLock?: (exclusive: boolean) => Promise<boolean> }).tryLock;
  if (typeof now === "function") {
    try {
      return await now.call(file, exclusive);
    } catch (error) {
      // Windows says "locked by another process" where others say no.
      if (/\(os error 33\)/.test(String(error))) return false;
      throw localFailure(error, "lock", "a lock file");
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
