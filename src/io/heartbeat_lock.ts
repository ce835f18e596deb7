/**
 * Locks for file systems that have none, such as NFS without a lock service: a file that exists while a process holds
 * the lock, and that it rewrites every few seconds. One that is no longer rewritten was left by a process that died.
 * All times are those of the file system, which may have a clock of its own.
 */

import { folderOf } from "./atomic.ts";
import { systemClock } from "./clock.ts";
import { fileError, isExisting, isMissing, isStaleHandle } from "./file_error.ts";
import { openOwnFile, readSmallFileNow } from "./guarded.ts";
import { namesIn, statOf } from "./stat.ts";

/** Milliseconds between two heartbeats, and without one until a lock counts as left behind. */
const BEAT_MS = 5_000;
const LEFT_BEHIND_MS = 40_000;
/** Milliseconds between two attempts to take a lock. */
const PAUSE_MS = 1000;
const MOST_BYTES = 1000;

/** What the name of a holder's file adds to that of the lock; shared holders and passing files add more. */
export const HELD = ".held";

/** The same for the file that one process at a time has, while it removes those of holders that died. */
const TAKING = `${HELD}.taking`;

/**
 * Takes the lock of `path` as `holder`; undefined if it is held. Files are made beside `path`. Both kinds of holders
 * announce themselves before they look for the other kind: at worst both give way.
 */
export async function tryHeartbeatLock(
  path: string,
  holder: string,
  shared = false,
): Promise<Disposable | undefined> {
  const exclusive = `${path}${HELD}`;
  const taking = `${path}${TAKING}`;
  const own = shared ? `${exclusive}-${crypto.randomUUID()}` : exclusive;
  const note = `${holder}\n${crypto.randomUUID()}\n`;
  if (!await announce(own, note)) {
    if (!await removeDead(own, taking) || !await announce(own, note)) return undefined;
  }
  let isHeld = false;
  try {
    const others = shared ? [exclusive] : await sharedOf(exclusive);
    isHeld = await isAlone(own, note, others, taking);
  } finally {
    if (!isHeld) withdraw(own, note);
  }
  if (!isHeld) return undefined;
  const beating = setInterval(() => beat(own, note), BEAT_MS);
  // It must not keep a process alive that has nothing else to do.
  Deno.unrefTimer(beating);
  return {
    [Symbol.dispose]() {
      clearInterval(beating);
      withdraw(own, note);
    },
  };
}

/** Whether the lock of `path` is held, without making a file: by a heartbeat that this computer has seen lately. */
export async function isHeartbeatHeld(path: string): Promise<boolean> {
  const exclusive = `${path}${HELD}`;
  for (const held of [exclusive, ...await sharedOf(exclusive)]) {
    const written = (await statOf(held))?.mtime?.getTime() ?? 0;
    if (Date.now() - written < LEFT_BEHIND_MS) return true;
  }
  return false;
}

/** The same, waiting while it is held. Rejects with the reason of `signal` if that is aborted first. */
export async function waitHeartbeatLock(
  path: string,
  holder: string,
  shared: boolean,
  signal: AbortSignal,
  onHeld: () => Promise<void>,
): Promise<Disposable> {
  for (;;) {
    signal.throwIfAborted();
    const lock = await tryHeartbeatLock(path, holder, shared);
    if (lock) return lock;
    await onHeld();
    await systemClock.sleep(PAUSE_MS, signal);
  }
}

/** Whether none of the files `others` is that of a living holder, and `own` is still ours. */
async function isAlone(
  own: string,
  note: string,
  others: readonly string[],
  taking: string,
): Promise<boolean> {
  for (const other of others) if (!await removeDead(other, taking)) return false;
  // A living holder whose file was moved aside for a moment has it back when no process is removing files: a second
  // look sees it, and it may have taken our place.
  if (!await removeLeftBehind(taking)) return false;
  for (const other of others) if (await noteAt(other)) return false;
  return (await noteAt(own))?.text === note;
}

/** Creates the file of a holder; false: it exists. */
async function announce(path: string, note: string): Promise<boolean> {
  try {
    using file = await Deno.open(path, { write: true, createNew: true });
    await file.write(new TextEncoder().encode(note));
    return true;
  } catch (error) {
    if (isExisting(error)) return false;
    throw fileError(error, "create", path);
  }
}

/** Rewrites the file of a holder, which gives it the time of now. Does nothing if it is no longer ours. */
async function beat(path: string, note: string): Promise<void> {
  try {
    // Read and written as one open file: whatever takes its place meanwhile is not changed.
    using file = await openOwnFile(path);
    if (await textOf(file) !== note) return;
    await file.seek(0, Deno.SeekMode.Start);
    await file.write(new TextEncoder().encode(note));
  } catch {
    // The next heartbeat may succeed.
  }
}

/** Removes the file of a holder, unless another process has taken its place. */
function withdraw(path: string, note: string): void {
  try {
    const file = readSmallFileNow(path, MOST_BYTES);
    if (new TextDecoder().decode(file?.bytes) === note) Deno.removeSync(path);
  } catch {
    // Then it is left behind.
  }
}

/**
 * Removes the file of a holder that died. False: the holder is alive, or another process is removing it. True also if
 * there is none. Only one process at a time removes files, and looks again first: what another one saw may be the file
 * of a holder that has taken over since.
 */
async function removeDead(path: string, taking: string): Promise<boolean> {
  if (!await noteAt(path)) return true;
  if (!await leftBehindAt(path)) return false;
  const note = `${crypto.randomUUID()}\n`;
  if (!await announce(taking, note)) {
    if (!await removeLeftBehind(taking) || !await announce(taking, note)) return false;
  }
  try {
    return await removeLeftBehind(path);
  } finally {
    withdraw(taking, note);
  }
}

/**
 * Removes a file that was not rewritten for so long. False: it was. True also if there is none.
 *
 * What remains: no file system without locks can remove a file only if it is a certain one. A process that is suspended
 * for 40 s between the look and the `rename` may move the file of a living holder aside when it wakes. It puts that
 * back at once; only a third process that announces itself in this moment holds the lock as well.
 */
async function removeLeftBehind(path: string): Promise<boolean> {
  const found = await leftBehindAt(path);
  if (!found) return !await noteAt(path);
  const aside = `${path}.old-${crypto.randomUUID()}`;
  try {
    await Deno.rename(path, aside);
    // Its holder may have been suspended, and have rewritten it meanwhile; or another one has taken its place.
    const moved = await noteAt(aside);
    const isLeft = moved?.text === found.text && moved.written === found.written;
    await (isLeft ? Deno.remove(aside) : Deno.rename(aside, path));
    return isLeft;
  } catch (error) {
    if (isMissing(error)) return true;
    throw fileError(error, "remove", path);
  }
}

interface Note {
  readonly text: string;
  /** In milliseconds. */
  readonly written: number;
}

/** The file of a holder that died; undefined: it is alive, or there is none. */
async function leftBehindAt(path: string): Promise<Note | undefined> {
  if (!await noteAt(path)) return undefined;
  // In this order: a process that is suspended in between takes the file for younger than it is.
  const now = await timeBeside(path);
  const found = await noteAt(path);
  return found && now - found.written >= LEFT_BEHIND_MS ? found : undefined;
}

/** The text of the file of a holder, and when it was written. */
async function noteAt(path: string): Promise<Note | undefined> {
  try {
    using file = await openOwnFile(path);
    const text = await textOf(file);
    const { mtime } = await file.stat();
    return { text, written: mtime?.getTime() ?? 0 };
  } catch (error) {
    if (isMissing(error) || isStaleHandle(error)) return undefined;
    throw error;
  }
}

/** What time it is for the file system, in milliseconds: that of a file that is made now. */
async function timeBeside(path: string): Promise<number> {
  const probe = `${path}.now-${crypto.randomUUID()}`;
  await announce(probe, "now\n");
  try {
    return (await noteAt(probe))?.written ?? 0;
  } finally {
    await Deno.remove(probe);
  }
}

/** The files of shared holders. */
async function sharedOf(exclusive: string): Promise<string[]> {
  const folder = folderOf(exclusive);
  const prefix = `${exclusive.slice(folder.length + 1)}-`;
  const names = await namesIn(folder);
  return names.filter((name) => name.startsWith(prefix)).map((name) => `${folder}/${name}`);
}

async function textOf(file: Deno.FsFile): Promise<string> {
  const buffer = new Uint8Array(MOST_BYTES);
  const length = await file.read(buffer) ?? 0;
  return new TextDecoder().decode(buffer.subarray(0, length));
}
