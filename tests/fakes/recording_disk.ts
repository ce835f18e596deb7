/**
 * The real disk with a record of every step. It can simulate a crash after any step, a failure of
 * any step, and a power cut that undoes what was never synced.
 */

import { exists } from "./exists.ts";
import { folderOf } from "../../src/io/atomic.ts";
import { type Disk, type DiskFile, type Ownership, realDisk } from "../../src/io/disk.ts";
import { fileError } from "../../src/io/file_error.ts";
import { inodeOf, UnsyncedData, UnsyncedNames } from "./unsynced.ts";

export interface DiskStep {
  readonly does:
    | "open"
    | "write"
    | "sync"
    | "truncate"
    | "rename"
    | "link"
    | "clone"
    | "remove"
    | "make folder"
    | "remove folder"
    | "sync folder"
    | "touch"
    | "own";
  /** The path that the step changes; for a rename or link the new path. */
  readonly path: string;
  /** The old path of a rename or link. */
  readonly from?: string;
}

/** The error of every step after a simulated crash. */
export class WorldStopped extends Error {
  override readonly name = "WorldStopped";
}

export interface RecordingOptions {
  /** The number of steps before the simulated crash; later ones reject. */
  readonly stopAfter?: number;
  /** The error with which a step fails, if any. */
  readonly fail?: (step: DiskStep, number: number) => Error | undefined;
  /** An empty directory on the same file system; required for `cutPower`. */
  readonly grave?: string;
  /** Runs before each step, like another program between two steps. */
  readonly before?: (step: DiskStep, number: number) => void;
}

export class RecordingDisk implements Disk {
  readonly steps: DiskStep[] = [];
  readonly #data: UnsyncedData | undefined;
  readonly #names: UnsyncedNames | undefined;

  constructor(private readonly options: RecordingOptions = {}) {
    if (options.grave === undefined) return;
    this.#data = new UnsyncedData();
    this.#names = new UnsyncedNames(options.grave);
  }

  /** Whether a step was rejected after the simulated crash. */
  stopped = false;

  /** Number of steps of one kind on paths that end with `ending`. */
  count(does: DiskStep["does"], ending = ""): number {
    return this.steps.filter((step) => step.does === does && step.path.endsWith(ending)).length;
  }

  /**
   * Undoes all writes that were not synced and, if `names`, changes in directories that were not.
   */
  cutPower(names: boolean): void {
    this.#data?.takeBack();
    if (names) this.#names?.takeBack();
  }

  async open(path: string, how: "new" | "existing"): Promise<DiskFile> {
    const file = await this.#step({ does: "open", path }, async () => {
      const isNew = !exists(path);
      const opened = await realDisk.open(path, how);
      if (isNew) this.#names?.made(path);
      return opened;
    });
    const data = this.#data?.of(path);
    return {
      path,
      writeAt: (bytes, offset) =>
        this.#step({ does: "write", path }, async () => {
          const done = data?.writes(offset, bytes.length);
          await file.writeAt(bytes, offset);
          done?.();
        }),
      writeNowAt: (bytes, offset) => {
        this.#begin({ does: "write", path });
        const done = data?.writes(offset, bytes.length);
        file.writeNowAt(bytes, offset);
        done?.();
      },
      sync: () =>
        this.#step({ does: "sync", path }, async () => {
          const done = data?.syncs();
          await file.sync();
          done?.();
        }),
      truncate: (size) =>
        this.#step({ does: "truncate", path }, async () => {
          const done = data?.resizes(size);
          await file.truncate(size);
          done?.();
        }),
      close: () => file.close(),
      [Symbol.dispose]: () => file.close(),
    };
  }

  rename(from: string, to: string): Promise<void> {
    return this.#step({ does: "rename", path: to, from }, async () => {
      const undo = this.#names?.saved(to);
      await realDisk.rename(from, to);
      if (undo) this.#data?.moved(undo.inode, undo.at);
      this.#data?.moved(inodeOf(to), to);
      this.#names?.renamed(from, to, undo);
    });
  }

  link(from: string, to: string): Promise<void> {
    return this.#step({ does: "link", path: to, from }, async () => {
      await realDisk.link(from, to);
      this.#names?.made(to);
    });
  }

  clone(from: string, to: string): Promise<void> {
    return this.#step({ does: "clone", path: to, from }, async () => {
      await realDisk.clone(from, to);
      this.#names?.made(to);
    });
  }

  remove(path: string): Promise<void> {
    return this.#step({ does: "remove", path }, async () => {
      const undo = this.#names?.saved(path);
      await realDisk.remove(path);
      if (undo) this.#data?.moved(undo.inode, undo.at);
      if (undo) this.#names?.removed(path, undo);
    });
  }

  makeFolder(path: string): Promise<void> {
    return this.#step({ does: "make folder", path }, async () => {
      await realDisk.makeFolder(path);
      this.#names?.made(path);
    });
  }

  removeFolder(path: string): Promise<void> {
    return this.#step({ does: "remove folder", path }, () => realDisk.removeFolder(path));
  }

  syncFolder(path: string): Promise<void> {
    return this.#step({ does: "sync folder", path }, async () => {
      await realDisk.syncFolder(path);
      this.#names?.synced(path);
    });
  }

  touch(path: string, timeMs: number): Promise<void> {
    return this.#step({ does: "touch", path }, () => realDisk.touch(path, timeMs));
  }

  lacks(what: string): void {
    realDisk.lacks(what);
  }

  own(path: string, ownership: Ownership): Promise<void> {
    return this.#step({ does: "own", path }, () => realDisk.own(path, ownership));
  }

  async #step<T>(step: DiskStep, act: () => Promise<T>): Promise<T> {
    this.#begin(step);
    return await act();
  }

  #begin(step: DiskStep): void {
    if (this.steps.length >= (this.options.stopAfter ?? Infinity)) {
      this.stopped = true;
      throw new WorldStopped(`no ${step.does} of ${step.path}: the world has stopped`);
    }
    this.steps.push(step);
    this.options.before?.(step, this.steps.length);
    const error = this.options.fail?.(step, this.steps.length);
    if (!error) return;
    // The kernel looks for the source of a link first.
    const missing = step.does === "link" && !exists(step.from!);
    throw fileError(missing ? systemError("ENOENT") : error, step.does, step.path);
  }
}

/** The error that Deno throws for an OS error code. */
export function systemError(
  code: "ENOSPC" | "EPERM" | "EXDEV" | "EIO" | "EACCES" | "ENOENT",
): Error {
  switch (code) {
    case "ENOSPC":
      return Object.assign(new Error("No space left on device (os error 28)"), { code });
    case "EXDEV":
      return Object.assign(new Error("Invalid cross-device link (os error 18)"), { code });
    case "EIO":
      return Object.assign(new Error("Input/output error (os error 5)"), { code });
    case "EPERM":
      return withCode(new Deno.errors.PermissionDenied("Operation not permitted (os error 1)"));
    case "EACCES":
      return withCode(new Deno.errors.PermissionDenied("Permission denied (os error 13)"));
    case "ENOENT":
      return withCode(new Deno.errors.NotFound("No such file or directory (os error 2)"));
  }

  function withCode(error: Error): Error {
    return Object.assign(error, { code });
  }
}

/** Whether the step changes the file or directory `name`, or an entry of that directory. */
export function isAt(step: DiskStep, name: string): boolean {
  return step.path.endsWith(`/${name}`) || folderOf(step.path).endsWith(`/${name}`);
}
