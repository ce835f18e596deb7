/**
 * All operations that change the state on disk, in one small interface. The real implementation is
 * thin; a recording one lets tests simulate a crash after each step, and drop what was never
 * synced. Reading is not part of it, since it changes nothing.
 */

import { fileError, isDenied, isMissing, isUnsupported, reasonOf } from "./file_error.ts";
import { openOwnFile, setModified, setOwnership } from "./guarded.ts";
import { whenNotInUse } from "./system/in_use.ts";
import { syncData } from "./system/sync.ts";

/** A file open for writing. Closing it does not sync. */
export interface DiskFile extends Disposable {
  readonly path: string;
  /** Writes all of `bytes` at `offset`. Calls for the same file must not overlap. */
  writeAt(bytes: Uint8Array, offset: number): Promise<void>;
  /**
   * Writes synchronously. This blocks the event loop: use it for a few bytes that must be written
   * at once, and for data only while writes are fast.
   */
  writeNowAt(bytes: Uint8Array, offset: number): void;
  /** Resolves when all data written so far would survive a power cut. */
  sync(): Promise<void>;
  truncate(size: number): Promise<void>;
  close(): void;
}

/** Mode and owner of a new file or directory; undefined: the system's default. */
export interface Ownership {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * Changes to the file system. Each rejects with a PullamaError of kind `disk_full` or `local`, with
 * the original error as its cause.
 */
export interface Disk {
  /** Opens for writing; "new" fails if the file exists, "existing" if it is no regular file with one name. */
  open(path: string, how: "new" | "existing"): Promise<DiskFile>;
  rename(from: string, to: string): Promise<void>;
  link(from: string, to: string): Promise<void>;
  /** Copies a whole file inside the system, which shares its bytes where the file system can. `to` must not exist. */
  clone(from: string, to: string): Promise<void>;
  /** Removes a file; a missing one is not an error. */
  remove(path: string): Promise<void>;
  makeFolder(path: string): Promise<void>;
  removeFolder(path: string): Promise<void>;
  /** Syncs a directory, so that its entries survive a power cut. */
  syncFolder(path: string): Promise<void>;
  /** Sets the modification time, in milliseconds since 1970. */
  touch(path: string, timeMs: number): Promise<void>;
  own(path: string, ownership: Ownership): Promise<void>;
  /** Tells once that the file system lacks something, and what that means. */
  lacks(what: string): void;
}

class RealFile implements DiskFile {
  #position = 0;
  #open = true;

  constructor(
    readonly path: string,
    private readonly file: Deno.FsFile,
    private readonly onNoSync: (error: unknown) => void,
  ) {}

  async writeAt(bytes: Uint8Array, offset: number): Promise<void> {
    try {
      if (offset !== this.#position) await this.file.seek(offset, Deno.SeekMode.Start);
      this.#position = -1;
      for (let done = 0; done < bytes.length;) {
        done += await this.file.write(done === 0 ? bytes : bytes.subarray(done));
      }
      this.#position = offset + bytes.length;
    } catch (error) {
      throw fileError(error, "write", this.path);
    }
  }

  writeNowAt(bytes: Uint8Array, offset: number): void {
    try {
      if (offset !== this.#position) this.file.seekSync(offset, Deno.SeekMode.Start);
      this.#position = -1;
      for (let done = 0; done < bytes.length;) done += this.file.writeSync(bytes.subarray(done));
      this.#position = offset + bytes.length;
    } catch (error) {
      throw fileError(error, "write", this.path);
    }
  }

  async sync(): Promise<void> {
    await syncData(this.file, this.path, this.onNoSync);
  }

  async truncate(size: number): Promise<void> {
    try {
      await this.file.truncate(size);
    } catch (error) {
      throw fileError(error, "resize", this.path);
    }
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.file.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * The file system of this machine. What a file system does not have and can be done without, such as owners or the
 * sync of a directory, is told to `onLimitation` once each, in a sentence, and is otherwise ignored.
 */
export function openDisk(onLimitation: (message: string) => void = () => {}): Disk {
  const told = new Set<string>();
  const lacks = (what: string, reason = "") => {
    if (!told.has(what)) onLimitation(`${what}${reason}`);
    told.add(what);
  };
  const tell = (what: string, error: unknown) => lacks(what, `: ${reasonOf(error)}`);
  const onNoSync = (error: unknown) =>
    tell("data cannot be synced here, so a power cut may cost what was downloaded", error);
  return {
    lacks: (what) => lacks(what),
    async open(path, how) {
      if (how === "existing") return new RealFile(path, await openOwnFile(path), onNoSync);
      return await step("create", path, async () => {
        const file = await Deno.open(path, { read: true, write: true, createNew: true });
        return new RealFile(path, file, onNoSync);
      });
    },
    rename: (from, to) =>
      step("rename", from, () => whenNotInUse(() => Deno.rename(from, to), { orDenied: true })),
    link: (from, to) => step("link", to, () => Deno.link(from, to)),
    clone: (from, to) => step("copy", to, () => Deno.copyFile(from, to)),
    remove: (path) =>
      step("remove", path, async () => {
        try {
          await whenNotInUse(() => Deno.remove(path), { orDenied: true });
        } catch (error) {
          if (!isMissing(error)) throw error;
        }
      }),
    makeFolder: (path) => step("create", path, () => Deno.mkdir(path)),
    removeFolder: (path) => step("remove", path, () => Deno.remove(path)),
    syncFolder: (path) =>
      step("sync", path, async () => {
        // Windows cannot open a directory; there the NTFS journal makes renames durable.
        if (Deno.build.os === "windows") return;
        try {
          if (!(await Deno.stat(path)).isDirectory) return;
          using folder = await Deno.open(path);
          await folder.sync();
        } catch (error) {
          // A directory that another program has removed has no entries to be kept.
          if (isMissing(error)) return;
          if (!isUnsupported(error)) throw error;
          tell(
            "directories cannot be synced here, so a power cut may cost a finished download",
            error,
          );
        }
      }),
    touch: (path, timeMs) => step("touch", path, () => Promise.resolve(setModified(path, timeMs))),
    own: (path, ownership) =>
      step("change the owner of", path, () => {
        try {
          setOwnership(path, ownership);
        } catch (error) {
          if (!isUnsupported(error) && !isDenied(error)) throw error;
          tell("owner and mode of new files cannot be set here", error);
        }
        return Promise.resolve();
      }),
  };
}

/** That of a program that has no use for its limitations. */
export const realDisk: Disk = openDisk();

async function step<T>(doing: string, path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw fileError(error, doing, path);
  }
}
