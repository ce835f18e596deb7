/**
 * The real disk with a witness: every durable step is written down, the world can be stopped after any of
 * them, any of them can fail, and a power cut takes back what was never synced.
 */

import { exists } from "./exists.ts";
import { folderOf } from "../../src/io/atomic.ts";
import { type Disk, type DiskFile, type Ownership, realDisk } from "../../src/io/disk.ts";
import { fileError } from "../../src/io/file_error.ts";
import { UnsyncedData, UnsyncedNames } from "./unsynced.ts";

export interface DiskStep {
  readonly does:
    | "open"
    | "write"
    | "sync"
    | "truncate"
    | "rename"
    | "link"
    | "remove"
    | "make folder"
    | "remove folder"
    | "sync folder"
    | "touch"
    | "own";
  /** What the step changes; of a rename or link the new name. */
  readonly path: string;
  /** The old name of a rename or link. */
  readonly from?: string;
}

/** What every step rejects with once the world was stopped. */
export class WorldStopped extends Error {
  override readonly name = "WorldStopped";
}

export interface RecordingOptions {
  /** The number of steps that are done; later ones reject. */
  readonly stopAfter?: number;
  /** The error that a step fails with, instead of being done. */
  readonly fail?: (step: DiskStep, number: number) => Error | undefined;
  /** An empty folder on the same file system; needed for `cutPower`. */
  readonly grave?: string;
  /** Runs before a step is done, as another program would between two of ours. */
  readonly before?: (step: DiskStep, number: number) => void;
}

export class RecordingDisk implements Disk {
  readonly steps: DiskStep[] = [];
  readonly #data: UnsyncedData | undefined;
  readonly #names: UnsyncedNames | undefined;

  constructor(private readonly options: RecordingOptions = {}) {
    if (options.grave === undefined) return;
    this.#data = new UnsyncedData(options.grave);
    this.#names = new UnsyncedNames(options.grave);
  }

  /** Whether a step was refused because the world had stopped. */
  stopped = false;

  /** Steps of one kind, those on paths that end with `ending` if that is given. */
  count(does: DiskStep["does"], ending = ""): number {
    return this.steps.filter((step) => step.does === does && step.path.endsWith(ending)).length;
  }

  /** Takes back all data that was not synced and, if `names`, what was done in folders not synced since. */
  cutPower(names: boolean): void {
    this.#data?.takeBack();
    if (names) this.#names?.takeBack();
  }

  async open(path: string, how: "new" | "any"): Promise<DiskFile> {
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
      this.#names?.renamed(from, to, undo);
    });
  }

  link(from: string, to: string): Promise<void> {
    return this.#step({ does: "link", path: to, from }, async () => {
      await realDisk.link(from, to);
      this.#names?.made(to);
    });
  }

  remove(path: string): Promise<void> {
    return this.#step({ does: "remove", path }, async () => {
      const undo = this.#names?.saved(path);
      await realDisk.remove(path);
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
    if (error) throw fileError(error, step.does, step.path);
  }
}

/** The error that Deno throws for an error number of the system, as far as the tests need it. */
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

/** Whether the step is one on the folder or file of this name, wherever it lies. */
export function isAt(step: DiskStep, name: string): boolean {
  return step.path.endsWith(`/${name}`) || folderOf(step.path).endsWith(`/${name}`);
}
