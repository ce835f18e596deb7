/** An archive as a source of models: an import is a pull whose registry is a file. */

import type { BlobBody, Source } from "../core/content.ts";
import { shortId } from "../core/digest.ts";
import { PullamaError } from "../core/errors.ts";
import { type Descriptor, type Manifest, movedError } from "../core/manifest.ts";
import { fullName, type ModelName } from "../core/name.ts";
import type { Chunk, Range } from "../core/ranges.ts";
import { type ByteSource, streamOf } from "../io/streams/file_stream.ts";
import { ReadAhead } from "../io/streams/read_ahead.ts";
import type { ArchivedModel, Contents, Place } from "./contents.ts";

/** Digests are not verified: the store that receives the bytes does that. */
export class ArchiveSource implements Source {
  readonly #models: ReadonlyMap<string, ArchivedModel>;

  /** `path` is the archive for people; `file` stays open as long as this is used. */
  constructor(
    private readonly path: string,
    private readonly file: Pick<ByteSource, "readAt">,
    private readonly contents: Contents,
  ) {
    this.#models = new Map(contents.models.map((model) => [fullName(model.name), model]));
  }

  /** Rejects with `not_found` where the archive has no such model, and `moved` where it is pinned to another manifest. */
  manifest(name: ModelName, signal: AbortSignal): Promise<Manifest> {
    return new Promise((resolve) => {
      signal.throwIfAborted();
      const model = this.#models.get(fullName(name));
      if (!model) throw new PullamaError("not_found", `it is not in ${this.path}`);
      const { manifest } = model;
      if (name.digest && name.digest !== manifest.digest) throw movedError(name, manifest.digest);
      resolve(manifest);
    });
  }

  /** An archive has no list of chunks. */
  chunksums(): Promise<readonly Chunk[] | undefined> {
    return Promise.resolve(undefined);
  }

  /** Rejects with `archive` where the blob is missing or has another size, and kind local. */
  open(
    _name: ModelName,
    blob: Descriptor,
    range: Range,
    signal: AbortSignal,
  ): Promise<BlobBody> {
    return new Promise((resolve) => {
      signal.throwIfAborted();
      const { at } = this.#placeOf(blob);
      const bytes = {
        readAt: (buffer: Uint8Array, position: number) => this.file.readAt(buffer, at + position),
        close() {},
      };
      const ahead = new ReadAhead(bytes, range.end);
      resolve({ range, ranged: true, stream: streamOf(ahead, this.path, range, signal) });
    });
  }

  /** Throws `archive` where one of `blobs` is missing in the archive, or has another size there. */
  require(blobs: readonly Descriptor[]): void {
    for (const blob of blobs) this.#placeOf(blob);
  }

  #placeOf({ digest, size }: Descriptor): Place {
    const place = this.contents.blobs.get(digest);
    const id = shortId(digest);
    if (!place) {
      throw new PullamaError("archive", `blob ${id} is neither in ${this.path} nor installed`, {
        hint: "import the archive that has it first, or pull the model",
      });
    }
    if (place.size === size) return place;
    const message = `blob ${id} has ${place.size} bytes in ${this.path}, not ${size}`;
    throw new PullamaError("archive", message, {
      hint: "make the archive again, or copy it again",
    });
  }

  /** There is one place only. */
  sendsRanges(): boolean {
    return true;
  }

  forgetAddress(): readonly Range[] {
    return [];
  }
}
