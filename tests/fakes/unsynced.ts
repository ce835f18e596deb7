/** What a power cut would undo: writes to files and changes in directories that were not synced. */

import { folderOf } from "../../src/io/atomic.ts";

interface TrackedFile {
  /** One of its names; that in the grave, when all others are removed. */
  path: string;
  undo: Change[];
}

interface Change {
  readonly undo: () => void;
  /** Set when the change is complete: a sync that begins earlier does not cover it. */
  over: boolean;
}

export interface FileData {
  /** Call it before the change, and the result afterwards. */
  writes(offset: number, length: number): () => void;
  resizes(size: number): () => void;
  /** Call it before a sync, and the result afterwards. */
  syncs(): () => void;
}

/** The old content of everything written since the last sync of each file. */
export class UnsyncedData {
  readonly #files = new Map<string, TrackedFile>();

  /** The file has this name now. */
  moved(inode: string, path: string): void {
    const file = this.#files.get(inode);
    if (file) file.path = path;
  }

  /** The file currently at `path`. */
  of(path: string): FileData {
    const file = this.#tracked(path);
    return {
      writes: (offset, length) => {
        const { size } = Deno.statSync(file.path);
        const old = readAt(file.path, offset, Math.max(0, Math.min(length, size - offset)));
        return noted(() => {
          writeAt(file.path, offset, old);
          if (offset + length > size) Deno.truncateSync(file.path, size);
        });
      },
      resizes: (size) => {
        const before = Deno.statSync(file.path).size;
        const old = readAt(file.path, size, Math.max(0, before - size));
        return noted(() => {
          Deno.truncateSync(file.path, before);
          writeAt(file.path, size, old);
        });
      },
      syncs: () => {
        const safe = new Set(file.undo.filter(({ over }) => over));
        return () => file.undo = file.undo.filter((change) => !safe.has(change));
      },
    };

    function noted(undo: () => void): () => void {
      const change = { undo, over: false };
      file.undo.push(change);
      return () => change.over = true;
    }
  }

  takeBack(): void {
    for (const file of this.#files.values()) {
      for (const { undo } of file.undo.reverse()) undo();
      file.undo = [];
    }
  }

  #tracked(path: string): TrackedFile {
    const key = inodeOf(path);
    const known = this.#files.get(key);
    if (known) return known;
    const file: TrackedFile = { path, undo: [] };
    this.#files.set(key, file);
    return file;
  }
}

interface NameChange {
  readonly folder: string;
  readonly inode: string;
  readonly undo: () => void;
}

/** A file that is about to lose a name. */
export interface SavedFile {
  readonly inode: string;
  /** Its name in the grave. */
  readonly at: string;
  readonly restore: () => void;
}

/** Names created, renamed and removed since the last sync of their directory. */
export class UnsyncedNames {
  #changes: NameChange[] = [];
  #saved = 0;

  constructor(private readonly grave: string) {}

  made(path: string): void {
    const inode = inodeOf(path);
    this.#changes.push({ folder: folderOf(path), inode, undo: () => Deno.removeSync(path) });
  }

  /** Saves the file at `path`; the result restores it. Undefined if there is none. */
  saved(path: string): SavedFile | undefined {
    const at = `${this.grave}/name-${this.#saved++}`;
    try {
      Deno.linkSync(path, at);
    } catch {
      return undefined;
    }
    return { inode: inodeOf(at), at, restore: () => Deno.linkSync(at, path) };
  }

  renamed(from: string, to: string, over: { readonly restore: () => void } | undefined): void {
    const undo = () => {
      Deno.renameSync(to, from);
      over?.restore();
    };
    this.#changes.push({ folder: folderOf(to), inode: inodeOf(to), undo });
  }

  removed(path: string, { inode, restore }: { inode: string; restore: () => void }): void {
    this.#changes.push({ folder: folderOf(path), inode, undo: restore });
  }

  /** Makes all changes in the directory permanent, and earlier changes to the same files. */
  synced(folder: string): void {
    const sure = new Set<string>();
    this.#changes = this.#changes.toReversed().filter((change) => {
      if (change.folder === folder) sure.add(change.inode);
      return !sure.has(change.inode);
    }).toReversed();
  }

  takeBack(): void {
    for (const { undo } of this.#changes.reverse()) {
      try {
        undo();
      } catch (error) {
        // A later, synced step has taken or moved the name.
        const gone = error instanceof Deno.errors.NotFound;
        if (!gone && !(error instanceof Deno.errors.AlreadyExists)) throw error;
      }
    }
    this.#changes = [];
  }
}

export function inodeOf(path: string): string {
  const { dev, ino } = Deno.lstatSync(path);
  return `${dev}:${ino}`;
}

function readAt(path: string, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  using file = Deno.openSync(path);
  file.seekSync(offset, Deno.SeekMode.Start);
  for (let done = 0; done < length;) {
    const read = file.readSync(bytes.subarray(done));
    if (read === null) break;
    done += read;
  }
  return bytes;
}

function writeAt(path: string, offset: number, bytes: Uint8Array): void {
  using file = Deno.openSync(path, { write: true });
  file.seekSync(offset, Deno.SeekMode.Start);
  for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
}
