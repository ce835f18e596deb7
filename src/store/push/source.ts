/** Installed models, as they are pushed elsewhere: regular files of blobs/ that stay the same meanwhile. */

import type { BlobBody } from "../../core/content.ts";
import { type Digest, shortId } from "../../core/digest.ts";
import { PullamaError } from "../../core/errors.ts";
import type { Descriptor } from "../../core/manifest.ts";
import type { Machine } from "../../core/manifest_index.ts";
import { displayName, type ModelName } from "../../core/name.ts";
import type { Range } from "../../core/ranges.ts";
import type { PushedModel, PushSource } from "../../core/upload/target.ts";
import { isMissing } from "../../io/file_error.ts";
import { openForReading } from "../../io/guarded.ts";
import { fileSource, streamOf } from "../../io/streams/file_stream.ts";
import { ReadAhead } from "../../io/streams/read_ahead.ts";
import { blobPaths, type Paths } from "../layout/paths.ts";
import { openWanted, requireInstalled } from "../read/folder_source.ts";

/** What tells a file from one that has replaced or changed it. */
type Identity = Pick<Deno.FileInfo, "dev" | "ino" | "mtime">;

export class PushedFolder implements PushSource {
  readonly isRemote = false;
  readonly #opened = new Map<Digest, Identity>();

  /** `machine` is what an index is resolved for. */
  constructor(private readonly paths: Paths, private readonly machine: Machine) {}

  /** Rejects with `not_found` where it is not installed, `moved` where it is pinned to another manifest, and kind local. */
  async model(name: ModelName, signal: AbortSignal): Promise<PushedModel> {
    signal.throwIfAborted();
    const file = await requireInstalled(this.paths, name);
    const { manifest } = await openWanted(this.paths, file, name, this.machine);
    return { name: file.name, manifest };
  }

  /**
   * Rejects with `not_found` where the blob is missing, `size` where it has another size, and kind local where it is a
   * link, or not the file that it was at the first time.
   */
  async open(
    name: ModelName,
    blob: Descriptor,
    range: Range,
    signal: AbortSignal,
  ): Promise<BlobBody> {
    signal.throwIfAborted();
    const path = blobPaths(this.paths, blob.digest).final;
    const file = await opened(path, name, blob);
    try {
      this.#requireSame(blob, await file.stat());
    } catch (error) {
      file.close();
      throw error;
    }
    const ahead = new ReadAhead(fileSource(file), range.end);
    return { range, ranged: true, stream: streamOf(ahead, path, range, signal) };
  }

  /** There is one place only. */
  forgetAddress(): readonly Range[] {
    return [];
  }

  #requireSame({ digest, size }: Descriptor, info: Deno.FileInfo): void {
    const what = `blob ${shortId(digest)}`;
    if (info.size !== size) {
      const hint = "it is damaged in the models folder: pullama verify --repair downloads it again";
      throw new PullamaError("size", `${what} has ${info.size} bytes, not ${size}`, { hint });
    }
    const before = this.#opened.get(digest);
    this.#opened.set(digest, info);
    if (!before || isSame(before, info)) return;
    throw new PullamaError("local", `${what} was changed while it was sent`, {
      hint: "run the same command again when nothing changes the models folder",
    });
  }
}

function isSame(a: Identity, b: Identity): boolean {
  return a.dev === b.dev && a.ino === b.ino && a.mtime?.getTime() === b.mtime?.getTime();
}

async function opened(path: string, name: ModelName, blob: Descriptor): Promise<Deno.FsFile> {
  try {
    return await openForReading(path, { follow: false });
  } catch (error) {
    if (!isMissing(error)) throw error;
    const message = `blob ${shortId(blob.digest)} is missing`;
    const hint = `it was removed, maybe just now; to have it again: pullama ${displayName(name)}`;
    throw new PullamaError("not_found", message, { hint, cause: error });
  }
}
