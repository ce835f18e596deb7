/**
 * All operations that change the state on disk, in one small interface. The real implementation is
 * thin; a recording one lets tests simulate a crash after each step, and drop what was never
 * synced. Reading is not part of it, since it changes nothing.
 */

import { fileError } from "./file_error.ts";
import { renameWithRetry } from "./rename.ts";

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
  /** Opens for writing; "new" fails if the file exists, "any" creates it if it does not. */
  open(path: string, how: "new" | "any"): Promise<DiskFile>;
  rename(from: string, to: string): Promise<void>;
  link(from: string, to: string): Promise<void>;
  /** Removes a file; a missing one is not an error. */
  remove(path: string): Promise<void>;
  makeFolder(path: string): Promise<void>;
  removeFolder(path: string): Promise<void>;
  /** Syncs a directory, so that its entries survive a power cut. */
  syncFolder(path: string): Promise<void>;
  /** Sets the modification time, in milliseconds since 1970. */
  touch(path: string, timeMs: number): Promise<void>;
  own(path: string, ownership: Ownership): Promise<void>;
}

class RealFile implements DiskFile {
  #position = 0;
  #open = true;

  constructor(readonly path: string, private readonly file: Deno.FsFile) {}

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
    try {
      await this.file.syncData();
    } catch (error) {
      throw fileError(error, "sync", this.path);
    }
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

/** The file system of this machine. */
export const realDisk: Disk = {
  async open(path, how) {
    try {
      const file = await Deno.open(path, {
        write: true,
        create: how === "any",
        createNew: how === "new",
      });
      return new RealFile(path, file);
    } catch (error) {
      throw fileError(error, "create", path);
    }
  },
  rename: (from, to) =>
    step("rename", from, () => {
      const rename = () => Deno.rename(from, to);
      return Deno.build.os === "windows" ? renameWithRetry(rename) : rename();
    }),
  link: (from, to) => step("link", to, () => Deno.link(from, to)),
  remove: (path) =>
    step("remove", path, async () => {
      try {
        await Deno.remove(path);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }),
  makeFolder: (path) => step("create", path, () => Deno.mkdir(path)),
  removeFolder: (path) => step("remove", path, () => Deno.remove(path)),
  syncFolder: (path) =>
    step("sync", path, async () => {
      // Windows cannot open a directory; there the NTFS journal makes renames durable.
      if (Deno.build.os === "windows") return;
      using folder = await Deno.open(path);
      await folder.sync();
    }),
  touch: (path, timeMs) =>
    step("touch", path, () => Deno.utime(path, new Date(timeMs), new Date(timeMs))),
  own: (path, { mode, uid, gid }) =>
    step("change the owner of", path, async () => {
      if (Deno.build.os === "windows") return;
      if (uid !== undefined || gid !== undefined) await Deno.chown(path, uid ?? null, gid ?? null);
      // After chown, which clears the set-group-ID bit.
      if (mode !== undefined) await Deno.chmod(path, mode);
    }),
};

async function step(doing: string, path: string, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    throw fileError(error, doing, path);
  }
}
