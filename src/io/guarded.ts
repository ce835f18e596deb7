/**
 * Access to files in folders that other users may write to: what was checked is what is used. A path is opened
 * without waiting and without effect (never truncated, never created), and the open file is compared with what the
 * path names: another user may have put a link, a FIFO or a device there. O_NOFOLLOW alone would not do: the runtime
 * resolves paths itself where its permissions are restricted.
 */

import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  futimesSync,
  lstatSync,
  openSync,
  readSync,
  type Stats,
} from "node:fs";
import { PullamaError } from "../core/errors.ts";
import { fileError, isMissing, isStaleHandle } from "./file_error.ts";
import { whenNotInUse } from "./system/in_use.ts";

const WINDOWS = Deno.build.os === "windows";

/** An open file or folder by its descriptor. */
interface Descriptor {
  readonly fd: number;
  readonly info: Stats;
}

/** What `path` is opened as. "own file" must not have a second name, which could be a foreign file. */
type Expected = "file" | "own file" | "directory";

const FOREIGN_HINT =
  "remove it, or move it away, if it is not yours: another user may have made it";

/** Rejects with kind local what is not `expected`, in a sentence about `path`. */
function refuse(path: string, expected: Expected): PullamaError {
  const message = expected === "directory"
    ? `${path} exists and is not a directory`
    : `${path} exists and is not a regular file`;
  return new PullamaError("local", message, { hint: FOREIGN_HINT });
}

/** What makes a file acceptable as `expected`. */
function isExpected(
  info: { isFile(): boolean; isDirectory(): boolean; readonly nlink: number },
  expected: Expected,
): boolean {
  if (expected === "directory") return info.isDirectory();
  return info.isFile() && (expected === "file" || WINDOWS || info.nlink <= 1);
}

/** What an open file is, or what a path names. */
interface Identity {
  readonly dev: number;
  readonly ino: number | null;
  readonly nlink: number | null;
}

/**
 * Whether an open file is what `named` was when its path was looked at before: "gone" if it was removed or replaced
 * since it was opened. Some file systems count no names.
 */
function compared(opened: Identity, named: Identity): "same" | "gone" | "other" {
  const same = opened.ino === null || (opened.ino === named.ino && opened.dev === named.dev);
  if (opened.nlink === 0 && (!same || named.nlink !== 0)) return "gone";
  return same ? "same" : "other";
}

/** How often a file that is replaced all the time is opened again. */
const MOST_LOOKS = 20;

/** `follow`: what the path leads to. `change`: its attributes will be changed, which on Windows takes the right to write. */
type Opening = { readonly follow?: boolean; readonly change?: boolean };

/** Opens `path` itself for reading, were it a link. */
function openChecked(path: string, expected: Expected, opening: Opening = {}): Descriptor {
  for (let look = 1; look < MOST_LOOKS; look++) {
    const opened = openOnce(path, expected, opening);
    if (opened) return opened;
  }
  throw refuse(path, expected);
}

/** The same; undefined if the path named something else meanwhile. */
function openOnce(
  path: string,
  expected: Expected,
  { follow = false, change = false }: Opening,
): Descriptor | undefined {
  const { O_RDONLY, O_RDWR, O_NONBLOCK, O_NOFOLLOW } = constants;
  const onWindows = change ? O_RDWR : O_RDONLY;
  const flags = WINDOWS ? onWindows : O_RDONLY | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW);
  if (!follow && !isExpected(lstatSync(path), expected)) throw refuse(path, expected);
  const fd = openSync(path, flags);
  try {
    // In this order: a file that was replaced before the first look has no name at the second.
    const named = follow || WINDOWS ? undefined : lstatSync(path);
    const info = fstatSync(fd);
    const is = named ? compared(info, named) : "same";
    if (is === "gone") {
      closeSync(fd);
      return undefined;
    }
    if (is === "other" || !isExpected(info, expected)) throw refuse(path, expected);
    return { fd, info };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * The content of a small file; undefined where there is none. Rejects with kind local if it is not a regular file, or
 * larger than `most` bytes. A link counts as no regular file, unless `follow` is set.
 */
export function readSmallFile(
  path: string,
  most: number,
  options: { readonly follow?: boolean } = {},
): Promise<SmallFile | undefined> {
  return new Promise((resolve) => resolve(readSmallFileNow(path, most, options)));
}

/** The same, synchronously. */
export function readSmallFileNow(
  path: string,
  most: number,
  { follow = false }: { readonly follow?: boolean } = {},
): SmallFile | undefined {
  let file: Descriptor;
  try {
    file = openChecked(path, "file", { follow });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw fileError(error, "read", path);
  }
  try {
    const { size, uid } = file.info;
    if (size > most) {
      throw new PullamaError("local", `cannot read ${path}: too large (more than ${most} bytes)`, {
        hint: FOREIGN_HINT,
      });
    }
    const bytes = new Uint8Array(size);
    let length = 0;
    while (length < size) {
      const count = readSync(file.fd, bytes, length, size - length, length);
      if (count === 0) break;
      length += count;
    }
    return { bytes: bytes.subarray(0, length), uid: WINDOWS ? null : uid };
  } catch (error) {
    throw fileError(error, "read", path);
  } finally {
    closeSync(file.fd);
  }
}

/** A file that was read, and its owner; null where the system has none. */
export interface SmallFile {
  readonly bytes: Uint8Array;
  readonly uid: number | null;
}

/**
 * Opens an existing file of ours for reading and writing. Rejects with kind local if it is not a regular file, or has
 * a second name, and with a missing-file cause if there is none.
 */
export async function openOwnFile(path: string): Promise<Deno.FsFile> {
  try {
    if (!isOwn(await Deno.lstat(path))) throw refuse(path, "own file");
    // For both: opening a FIFO for one of them would wait.
    const file = await whenNotInUse(() => Deno.open(path, { read: true, write: true }));
    try {
      // In this order: one that was replaced before the first look has no name at the second.
      const named = await Deno.lstat(path);
      const opened = await file.stat();
      const is = compared(opened, named);
      if (is === "gone") throw new Deno.errors.NotFound("it was removed meanwhile");
      if (is === "other" || !isOwn(opened)) throw refuse(path, "own file");
      return file;
    } catch (error) {
      file.close();
      throw error;
    }
  } catch (error) {
    const cause = isStaleHandle(error) ? new Deno.errors.NotFound("it was removed") : error;
    throw fileError(cause, "open", path);
  }
}

/**
 * Opens a file for reading, were its path a link; with `follow` false only the file itself. Rejects with kind local if it
 * leads to anything but a regular file: opening a FIFO would wait for a writer.
 */
export async function openForReading(
  path: string,
  { follow = true }: { readonly follow?: boolean } = {},
): Promise<Deno.FsFile> {
  try {
    const named = follow ? await Deno.stat(path) : await Deno.lstat(path);
    if (!named.isFile) throw refuse(path, "file");
    const file = await whenNotInUse(() => Deno.open(path));
    const opened = await file.stat();
    if (opened.isFile && (follow || compared(opened, named) === "same")) return file;
    file.close();
    throw refuse(path, "file");
  } catch (error) {
    throw fileError(error, "read", path);
  }
}

function isOwn({ isFile, nlink }: Deno.FileInfo): boolean {
  return isFile && (WINDOWS || nlink === null || nlink <= 1);
}

/** Sets owner and mode of a file of ours, or of a folder. Throws what the system throws, and kind local. */
export function setOwnership(
  path: string,
  { mode, uid, gid }: { readonly mode?: number; readonly uid?: number; readonly gid?: number },
): void {
  if (WINDOWS || (mode ?? uid ?? gid) === undefined) return;
  const now = lstatSync(path);
  // Most new files are as they should be: there is nothing to change, and so nothing to be careful with.
  const isSo = [[mode, now.mode & 0o7777], [uid, now.uid], [gid, now.gid]]
    .every(([wanted, is]) => wanted === undefined || wanted === is);
  if (isSo) return;
  const expected = now.isDirectory() ? "directory" : "own file";
  const { fd, info } = openChecked(path, expected);
  try {
    if (uid !== undefined || gid !== undefined) fchownSync(fd, uid ?? info.uid, gid ?? info.gid);
    // After chown, which clears the set-group-ID bit.
    if (mode !== undefined) fchmodSync(fd, mode);
  } finally {
    closeSync(fd);
  }
}

/** Sets the modification time of a file, in milliseconds since 1970. Throws what the system throws, and kind local. */
export function setModified(path: string, timeMs: number): void {
  const { fd } = openChecked(path, "file", { change: true });
  try {
    futimesSync(fd, timeMs / 1000, timeMs / 1000);
  } finally {
    closeSync(fd);
  }
}
