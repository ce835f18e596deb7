/** Writes an archive: blobs first, manifests last, all verified, from where an earlier run has stopped. */

import { createHash, type Hash } from "node:crypto";
import { type Digest, digestOf, shortId } from "../core/digest.ts";
import { PullamaError } from "../core/errors.ts";
import type { RateLimit } from "../io/limit.ts";
import { type ByteSource, readFully } from "../io/streams/file_stream.ts";
import { END, type Entry, headerOf, padded } from "./format.ts";

/** A file of an archive that is to be written. */
export interface ExportEntry extends Entry {
  readonly digest: Digest;
  open(): Promise<EntrySource>;
}

export interface EntrySource extends ByteSource {
  /** Its bytes are known to be right, and are not hashed again as long as `isSame`. */
  readonly isVerified: boolean;
  /** Whether it has not been changed since it was opened. */
  isSame(): Promise<boolean>;
}

/** Where an archive is written to. */
export interface ArchiveSink {
  /** Bytes of an earlier run that are there, from the first on. */
  readonly kept: number;
  /** Reads what is kept; 0: its end. */
  readAt(buffer: Uint8Array, position: number): Promise<number>;
  /** Drops what is kept from `position` on. */
  cut(position: number): Promise<void>;
  /** Adds bytes at the end. */
  write(bytes: Uint8Array): Promise<void>;
}

export interface ExportTools {
  readonly signal: AbortSignal;
  /** How fast it is written. */
  readonly limit: RateLimit;
  /** Called with the bytes of the archive that are there, and whether the last ones were already. */
  readonly onProgress: (done: number, wasThere: boolean) => void;
}

/** The bytes of one read and one write. */
const PIECE = 1024 * 1024;

/** The size of the archive, in bytes. */
export function archiveSize(entries: readonly ExportEntry[]): number {
  return entries.reduce(
    (sum, entry) => sum + headerOf(entry).length + padded(entry.size),
    END.length,
  );
}

/**
 * Writes the archive, and returns how much of it was there. Rejects with `digest` where a file is not what its digest says,
 * kind local, and the reason of the signal; a later run with the same entries continues.
 */
export async function writeArchive(
  entries: readonly ExportEntry[],
  sink: ArchiveSink,
  tools: ExportTools,
): Promise<number> {
  const writing = new Writing(sink, tools);
  for (const entry of entries) {
    await writing.bytes(headerOf(entry));
    await writing.content(entry);
    await writing.bytes(new Uint8Array(padded(entry.size) - entry.size));
  }
  await writing.bytes(END);
  await sink.cut(writing.position);
  return writing.found;
}

class Writing {
  position = 0;
  /** Bytes that were there. */
  found = 0;
  readonly #buffers = [new Uint8Array(PIECE), new Uint8Array(PIECE)] as const;

  constructor(private readonly sink: ArchiveSink, private readonly tools: ExportTools) {}

  /** A few bytes, unless they are there. */
  async bytes(bytes: Uint8Array): Promise<void> {
    if (await this.#has(bytes)) {
      this.found += bytes.length;
      return this.#moved(bytes.length, true);
    }
    await this.sink.cut(this.position);
    await this.sink.write(bytes);
    this.#moved(bytes.length, false);
  }

  /** The content of a file: what is there of it is hashed, and the rest is copied. */
  async content(entry: ExportEntry): Promise<void> {
    const start = this.position;
    const found = this.found;
    const { size } = entry;
    const there = Math.min(size, Math.max(0, this.sink.kept - start));
    if (there > 0) {
      const hash = createHash("sha256");
      const intact = await this.#hashThere(there, hash);
      if (intact && await this.#copy(entry, there, hash)) return;
      // A power cut may have cost bytes that were written: all of the file is copied again.
      this.found = found;
      this.position = start;
      await this.sink.cut(start);
    }
    if (await this.#copy(entry, 0)) return;
    throw new PullamaError("digest", `digest mismatch in blob ${shortId(entry.digest)}`, {
      hint: "it is damaged in the models folder: pullama verify --repair downloads it again",
    });
  }

  /** Copies a file from `from` on. Returns whether its digest is right; `before` has what is before. */
  async #copy(entry: ExportEntry, from: number, before?: Hash): Promise<boolean> {
    const { size, digest } = entry;
    const { limit, signal } = this.tools;
    let hash = before;
    if (from < size) {
      await this.sink.cut(this.position);
      const source = await entry.open();
      if (!source.isVerified) hash ??= createHash("sha256");
      let next = this.#read(source, from, size, 0);
      // It may fail while the piece before it is written.
      next.catch(() => {});
      try {
        for (let at = from, turn = 1; at < size; turn = 1 - turn) {
          await limit.turn(signal);
          signal.throwIfAborted();
          const piece = await next;
          if (piece.length === 0) throw shorter(entry, at);
          at += piece.length;
          // The next piece is read, and this one written, while this one is hashed.
          if (at < size) {
            next = this.#read(source, at, size, turn);
            next.catch(() => {});
          }
          const written = this.sink.write(piece);
          hash?.update(piece);
          await written;
          limit.spend(piece.length);
          this.#moved(piece.length, false);
        }
        if (!hash && !await source.isSame()) throw changed(entry);
      } finally {
        await next.catch(() => {});
        source.close();
      }
    }
    return !hash || digestOf(hash.digest("hex")) === digest;
  }

  async #hashThere(length: number, hash: Hash): Promise<boolean> {
    const [buffer] = this.#buffers;
    for (let done = 0; done < length;) {
      this.tools.signal.throwIfAborted();
      const count = await this.sink.readAt(buffer.subarray(0, length - done), this.position);
      if (count === 0) return false;
      hash.update(buffer.subarray(0, count));
      done += count;
      this.found += count;
      this.#moved(count, true);
    }
    return true;
  }

  async #read(source: ByteSource, at: number, size: number, turn: number): Promise<Uint8Array> {
    const most = Math.min(size - at, this.tools.limit.piece);
    const buffer = this.#buffers[turn as 0 | 1].subarray(0, most);
    return buffer.subarray(0, await source.readAt(buffer, at));
  }

  /** Whether `bytes` are what is kept at this position. */
  async #has(bytes: Uint8Array): Promise<boolean> {
    if (this.sink.kept < this.position + bytes.length) return false;
    const there = new Uint8Array(bytes.length);
    if (await readFully(this.sink, there, this.position) < bytes.length) return false;
    return bytes.every((byte, i) => byte === there[i]);
  }

  #moved(count: number, wasThere: boolean): void {
    this.position += count;
    this.tools.onProgress(this.position, wasThere);
  }
}

function shorter({ digest, size }: ExportEntry, at: number): PullamaError {
  return new PullamaError("size", `blob ${shortId(digest)} ended at ${at} of ${size} bytes`, {
    hint: "it was changed meanwhile: run the same command again",
  });
}

function changed({ digest }: ExportEntry): PullamaError {
  return new PullamaError("digest", `blob ${shortId(digest)} was changed while it was exported`, {
    hint: "run the same command again",
  });
}
