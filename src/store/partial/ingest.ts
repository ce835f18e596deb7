/** An unfinished blob with an owner: its bytes, their proofs, and its end as a finished blob. */

import type { Ingest } from "../../core/content.ts";
import type { Digest } from "../../core/digest.ts";
import type { Descriptor } from "../../core/manifest.ts";
import { type Chunk, missing, type PrefixDigest, type Range, total } from "../../core/ranges.ts";
import { folderOf } from "../../io/atomic.ts";
import type { Lock } from "../../io/lock.ts";
import { writeCheckpoint } from "./checkpoint_write.ts";
import { commonPrefix, PartialReader } from "./compare.ts";
import { DataFile } from "./data_file.ts";
import type { IngestTools } from "./ingest_tools.ts";
import { PieceChecks } from "./piece_checks.ts";
import { PrefixHash } from "./prefix_hash.ts";
import type { ResumeState } from "./resume.ts";
import { BlobWriter, WritePace } from "./writer.ts";
import { withDigest, WrittenSegments } from "./written.ts";

export class BlobIngest implements Ingest {
  readonly #pace = new WritePace();
  readonly #prefixHash: PrefixHash;
  readonly #checks: PieceChecks;
  #saving: Promise<number> = Promise.resolve(0);
  #searched: number;
  /** What an earlier run left. */
  readonly #kept: readonly Range[];
  #reader: PartialReader | undefined;
  /** There is something that no checkpoint has yet, such as what is left of a range that lost a part during one. */
  #changed = false;
  #finishing: Promise<void> | undefined;
  #disposing = false;
  #closed = false;

  private constructor(
    readonly blob: Descriptor,
    private readonly tools: IngestTools,
    private readonly lock: Lock,
    private readonly data: DataFile,
    private readonly written: WrittenSegments,
    resume: ResumeState,
  ) {
    this.#checks = new PieceChecks(tools.hasher, tools.at.partial, {
      passed: () => this.#prefixHash.poke(),
      failed: (range, reason) => this.#lose(range, reason),
      distrusted: () => tools.watcher.distrusted(),
    });
    this.#prefixHash = this.#follow(resume.prefixDigests);
    this.#searched = resume.searched;
    this.#kept = written.segments.have();
  }

  /** Opens the blob whose lock is held and whose file exists. On failure the lock is still the caller's. */
  static async open(
    blob: Descriptor,
    tools: IngestTools,
    lock: Lock,
    resume: ResumeState,
  ): Promise<BlobIngest> {
    const data = new DataFile(await tools.disk.open(tools.at.partial, "existing"), tools);
    try {
      if (resume.length > blob.size) await data.truncate(blob.size);
      const written = await WrittenSegments.open(tools, resume.claims);
      const ingest = new BlobIngest(blob, tools, lock, data, written, resume);
      ingest.#begin(resume);
      return ingest;
    } catch (error) {
      data.close();
      throw error;
    }
  }

  get actual(): Digest | undefined {
    return this.#prefixHash.digest;
  }

  kept(): number {
    return this.#finishing ? this.blob.size : total(this.written.segments.have());
  }

  plan(chunks: readonly Chunk[]): Range[] {
    // Its file is being renamed: nothing may be written to it.
    if (this.#finishing) return [];
    const have = this.written.segments.have();
    this.#checks.setChunks(chunks, have, this.#kept);
    this.#prefixHash.poke();
    return missing(chunks, have);
  }

  async writer(start: number): Promise<BlobWriter> {
    const file = await this.tools.disk.open(this.tools.at.partial, "existing");
    const segment = this.written.begin(start);
    return new BlobWriter(file, segment, this.#pace, {
      wrote: (from) => {
        this.written.advance(segment);
        this.#changed = true;
        this.#rehash(from);
        this.#prefixHash.poke();
      },
      closed: () => {
        this.written.end(segment);
        this.#checks.check(() => this.written.segments.have());
      },
    });
  }

  checkpoint(): Promise<number> {
    return this.#saving = this.#saving.catch(() => 0).then(() => this.#save());
  }

  async seal(): Promise<"sealed" | "incomplete" | "mismatch"> {
    const { size, digest } = this.blob;
    do {
      await this.#checks.settle();
      await this.#prefixHash.catchUp(size);
    } while (this.#checks.pending);
    if (this.#disposing || this.#prefixHash.position < size) return "incomplete";
    if (this.#prefixHash.digest !== digest) return "mismatch";
    // Known from now on to those who dispose of it: it must not be renamed once its lock is released.
    await (this.#finishing = this.#saving.catch(() => {}).then(() => this.#finish()));
    return "sealed";
  }

  async dropDoubtful(): Promise<number> {
    const before = this.kept();
    const from = this.written.dropDoubtful();
    const count = before - this.kept();
    if (from !== undefined) await this.#changedFrom(from);
    return count;
  }

  async forget(range: Range): Promise<number> {
    const count = this.written.cut(range);
    await this.#changedFrom(range.start);
    return count;
  }

  async matchingPrefix(bytes: Uint8Array, at: number): Promise<number> {
    this.#reader ??= new PartialReader(this.tools.at.partial);
    return commonPrefix(bytes, await this.#reader.read(at, bytes.length));
  }

  get searched(): number {
    return this.#searched;
  }

  set searched(to: number) {
    this.#searched = to;
    this.#changed = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposing = true;
    try {
      // The last steps of a finished blob are not interrupted.
      if (this.#finishing) await this.#finishing.catch(() => {});
      else if (!this.written.displaced && !this.data.failed) {
        do await this.checkpoint(); while (this.#changed);
      }
    } finally {
      await this.#close();
      this.lock[Symbol.dispose]();
    }
  }

  #follow(expected: readonly PrefixDigest[]): PrefixHash {
    return new PrefixHash(
      this.tools.hasher,
      this.tools.at.partial,
      this.blob.size,
      expected,
      (from) => Math.min(this.written.segments.reach(from), this.#checks.first),
      (range) => this.#lose(range, "the bytes on disk do not match the checkpoint"),
    );
  }

  #begin({ claims }: ResumeState): void {
    this.#checks.checkClaimed(withDigest(claims));
    this.#changed = claims.some(({ digest, from }) => from !== "registry" && !digest);
    this.#prefixHash.poke();
  }

  /** Bytes from `position` on are gone: records that before others are written in their place. */
  async #changedFrom(position: number): Promise<void> {
    this.#changed = true;
    await this.#prefixHash.restart(position);
    await this.checkpoint();
    this.#prefixHash.poke();
  }

  #lose(range: Range, reason: string): void {
    const count = this.written.cut(range);
    this.#changed = true;
    this.#rehash(range.start);
    if (count > 0) this.tools.watcher.lost(range, count, reason);
  }

  /** Bytes that the prefix hash has passed are gone or others, and spoil it. */
  #rehash(from: number): void {
    if (!this.#prefixHash.hasPassed(from)) return;
    const restarted = this.#prefixHash.restart(from);
    this.#checks.track(restarted.then(() => this.#prefixHash.poke()));
  }

  async #save(): Promise<number> {
    if (this.#finishing || !this.#changed) return this.kept();
    await this.written.requireCurrent();
    this.#changed = false;
    try {
      const reach = this.written.segments.reach(this.#prefixHash.position);
      await this.#prefixHash.catchUpSoon(reach);
      this.written.segments.join(this.#prefixHash.position);
      const done = await writeCheckpoint(this.tools, {
        blob: this.blob,
        data: this.data,
        segments: this.written.segments,
        prefixDigests: this.#prefixHash.digests(),
        searched: this.#searched,
      });
      this.written.release(done.slots);
      return done.bytes;
    } catch (error) {
      this.#changed = true;
      throw error;
    }
  }

  async #finish(): Promise<void> {
    const { disk, at } = this.tools;
    await this.written.requireCurrent();
    await this.data.sync();
    await this.tools.proved(this.#prefixHash.digests());
    // Windows renames only files that are not open.
    await this.#close();
    await disk.rename(at.partial, at.ready);
    await disk.syncFolder(folderOf(at.ready));
    await disk.syncFolder(folderOf(at.partial));
    await this.tools.finished(at.ready);
    await disk.remove(at.checkpoint);
    await disk.remove(at.positions);
    this.lock[Symbol.dispose]();
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([this.#checks.close(), this.#prefixHash.stop(), this.written.close()]);
    this.#reader?.close();
    this.data.close();
  }
}
