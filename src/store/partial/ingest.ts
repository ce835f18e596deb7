/** An unfinished blob with an owner: its bytes, what proves them, and its end as a finished blob. */

import type { Ingest } from "../../core/content.ts";
import type { Digest } from "../../core/digest.ts";
import type { Descriptor } from "../../core/manifest.ts";
import { type Chunk, missing, type Range, subtract, total } from "../../core/ranges.ts";
import { folderOf } from "../../io/atomic.ts";
import type { Disk, DiskFile, Ownership } from "../../io/disk.ts";
import type { Hasher, HashRun } from "../../io/hash.ts";
import type { Lock } from "../../io/lock.ts";
import type { PrefixDigest } from "./checkpoint.ts";
import { PrefixHash } from "./prefix_hash.ts";
import { PositionsFile } from "./positions.ts";
import type { BlobPaths } from "../layout/paths.ts";
import { ChunkTrust } from "./chunk_trust.ts";
import { commonPrefix, PartialReader } from "./compare.ts";
import type { ResumeState } from "./resume.ts";
import { writeCheckpoint } from "./checkpoint_write.ts";
import { Segments } from "./segments.ts";
import { BlobWriter, WritePace } from "./writer.ts";

const MIB = 1024 * 1024;
/** A checkpoint lets the hash of the whole catch up first if it is no further behind than this. */
const CLOSE_BEHIND = 64 * MIB;

/** What an ingest works with. */
export interface IngestTools {
  readonly disk: Disk;
  readonly hasher: Hasher;
  readonly at: BlobPaths;
  /** A new name in the folder of files that are about to be renamed. */
  readonly temporary: () => string;
  readonly ownership: Ownership;
  readonly boot: number;
  /** Who writes checkpoints, such as `pullama/0.1.0`. */
  readonly tool: string;
  /** Called with the finished file before the lock is let go. */
  readonly finished: (path: string) => Promise<void>;
  readonly lost: (range: Range, count: number, reason: string) => void;
  /** The registry's digests of chunks were found to be wrong. */
  readonly distrusted: () => void;
}

export class BlobIngest implements Ingest {
  #segments = new Segments();
  #pace = new WritePace();
  #front: PrefixHash;
  /** Chunks that the registry gave a digest for; the hash of the whole does not pass them unchecked. */
  #unchecked: Chunk[] = [];
  #comparing = new Set<Chunk>();
  #chunkDoubts = new ChunkTrust();
  /** Old ranges that are compared with the checkpoint; it does not pass them either. */
  #proving = new Set<Range>();
  #checks = new Set<Promise<void>>();
  #runs = new Set<HashRun>();
  #saving: Promise<number> = Promise.resolve(0);
  #searched: number;
  #reader: PartialReader | undefined;
  #changed = false;
  #sealing = false;
  #finishing: Promise<void> | undefined;
  #closed = false;
  #failure: unknown;

  private constructor(
    readonly blob: Descriptor,
    private readonly tools: IngestTools,
    private readonly lock: Lock,
    private readonly file: DiskFile,
    private live: PositionsFile,
    resume: ResumeState,
  ) {
    this.#front = this.#newFront(resume.prefixDigests);
    this.#searched = resume.searched;
  }

  /** Opens the blob whose lock is held and whose file is there. On failure the lock is still the caller's. */
  static async open(
    blob: Descriptor,
    tools: IngestTools,
    lock: Lock,
    resume: ResumeState,
  ): Promise<BlobIngest> {
    const { disk, at, boot, temporary } = tools;
    const file = await disk.open(at.partial, "any");
    try {
      if (resume.length > blob.size) await file.truncate(blob.size);
      const unsaved = resume.claims.filter(({ from, digest }) => from === "live" && !digest);
      const live = await PositionsFile.create(
        disk,
        at.positions,
        temporary(),
        boot,
        unsaved,
        tools.ownership,
      );
      const ingest = new BlobIngest(blob, tools, lock, file, live, resume);
      ingest.#claim(resume);
      return ingest;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  get actual(): Digest | undefined {
    return this.#front.digest;
  }

  kept(): number {
    return total(this.#segments.have());
  }

  plan(chunks: readonly Chunk[]): Range[] {
    const have = this.#segments.have();
    this.#unchecked = this.#chunkDoubts.lost
      ? []
      : chunks.filter((chunk) => chunk.digest !== undefined && subtract([chunk], have).length > 0);
    this.#front.poke();
    return missing(chunks, have);
  }

  async writer(start: number): Promise<BlobWriter> {
    const file = await this.tools.disk.open(this.tools.at.partial, "any");
    const segment = this.#segments.add({ start, end: start }, "registry", {
      open: true,
      slot: this.live.begin(start),
    });
    return new BlobWriter(file, segment, this.#pace, {
      wrote: () => {
        this.live.advance(segment.slot!, segment.end);
        this.#changed = true;
        this.#front.poke();
      },
      closed: () => {
        segment.open = false;
        if (segment.start === segment.end) {
          this.live.release(segment.slot!);
          this.#segments.remove((other) => other === segment);
        }
        this.#check();
      },
    });
  }

  checkpoint(): Promise<number> {
    const save = () => this.#save();
    return this.#saving = this.#saving.then(save, save);
  }

  async seal(): Promise<"sealed" | "incomplete" | "mismatch"> {
    const { size, digest } = this.blob;
    do {
      while (this.#checks.size > 0) await Promise.all(this.#checks);
      if (this.#failure !== undefined) throw this.#failure;
      await this.#front.catchUp(size);
    } while (this.#checks.size > 0);
    if (this.#front.position < size) return "incomplete";
    if (this.#front.digest !== digest) return "mismatch";
    // A save that is asked for from here on finds nothing to do.
    this.#sealing = true;
    await this.#saving.catch(() => {});
    await (this.#finishing = this.#finish());
    return "sealed";
  }

  async dropDoubtful(): Promise<number> {
    const doubtful = this.#segments.list.filter(({ from }) => from !== "registry");
    if (doubtful.length === 0) return 0;
    const before = this.kept();
    this.#segments.remove(({ from }) => from !== "registry");
    // Positions of dropped bytes must not be believed after a kill either.
    for (const slot of this.live.slots()) this.live.release(slot);
    await this.#changedFrom(Math.min(...doubtful.map(({ start }) => start)));
    return before - this.kept();
  }

  async forget(range: Range): Promise<number> {
    const count = this.#segments.cut(range);
    this.#renote();
    await this.#changedFrom(range.start);
    return count;
  }

  async matchingPrefix(bytes: Uint8Array, at: number): Promise<number> {
    this.#reader ??= new PartialReader(this.tools.at.partial);
    const there = await this.#reader.read(at, bytes.length);
    return commonPrefix(bytes, there);
  }

  get searched(): number {
    return this.#searched;
  }

  set searched(to: number) {
    this.#searched = to;
    this.#changed = true;
  }

  /** Bytes from `position` on have gone: writes that down before anything comes in their place. */
  async #changedFrom(position: number): Promise<void> {
    this.#changed = true;
    await this.#front.restart(position);
    await this.checkpoint();
    this.#front.poke();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      // The last steps of a finished blob are not interrupted.
      if (this.#finishing) await this.#finishing.catch(() => {});
      else await this.checkpoint();
    } finally {
      await this.#close();
      this.lock[Symbol.dispose]();
    }
  }

  #claim({ claims }: ResumeState): void {
    const lines = [...this.live.slots()];
    const toProve: Required<Chunk>[] = [];
    for (const claim of claims) {
      const { digest, from, start, end } = claim;
      const slot = lines.find((line) => line.start === start && line.position === end);
      this.#segments.add(claim, from, {
        ...(digest === undefined ? {} : { proof: { end, digest } }),
        ...(slot && from === "live" && !digest ? { slot } : {}),
      });
      if (digest !== undefined) toProve.push({ start, end, digest });
    }
    this.#work(this.#prove(toProve));
    this.#changed = claims.some(({ digest, from }) => from !== "registry" && !digest);
    this.#front.poke();
  }

  #newFront(prefixDigests: readonly PrefixDigest[]): PrefixHash {
    return new PrefixHash(
      this.tools.hasher,
      this.tools.at.partial,
      this.blob.size,
      prefixDigests,
      (from) => Math.min(this.#segments.reach(from), this.#firstUnsure()),
      (range) => this.#lose(range, "the bytes on disk are not those of the checkpoint"),
    );
  }

  /** Where the first range begins that has to be compared with a digest of its own. */
  #firstUnsure(): number {
    let first = this.#unchecked[0]?.start ?? Infinity;
    for (const { start } of this.#proving) first = Math.min(first, start);
    return first;
  }

  /** Compares old bytes with the digests that the checkpoint has for them, few files open at a time. */
  async #prove(ranges: readonly Required<Chunk>[]): Promise<void> {
    const sorted = ranges.toSorted((a, b) => a.start - b.start);
    for (const range of sorted) this.#proving.add(range);
    for (const range of sorted) {
      const right = await this.#digestOf(range) === range.digest;
      if (this.#closed) return;
      this.#proving.delete(range);
      if (!right) this.#lose(range, "the bytes on disk are not those of the checkpoint");
      this.#front.poke();
    }
  }

  /** Compares chunks that have become whole with the registry's digests. */
  #check(): void {
    if (this.#unchecked.length === 0) return;
    const have = this.#segments.have();
    for (const chunk of this.#unchecked) {
      const { digest } = chunk;
      if (digest === undefined || this.#comparing.has(chunk)) continue;
      if (subtract([chunk], have).length > 0) continue;
      this.#comparing.add(chunk);
      this.#work(this.#compare(chunk, digest));
    }
  }

  async #compare(chunk: Chunk, digest: Digest): Promise<void> {
    const actual = await this.#digestOf(chunk);
    this.#comparing.delete(chunk);
    if (this.#closed || this.#chunkDoubts.lost) return;
    if (actual === digest) this.#unchecked = this.#unchecked.filter((other) => other !== chunk);
    else if (!this.#chunkDoubts.isLostAfter(chunk.start, actual)) {
      this.#lose(chunk, "a chunk is not what the registry says it is");
    } else {
      this.#unchecked = [];
      this.tools.distrusted();
    }
    this.#front.poke();
  }

  /** Of bytes that are there; undefined where the file ends before. */
  async #digestOf({ start, end }: Range): Promise<Digest | undefined> {
    const run = this.tools.hasher.follow(this.tools.at.partial, start);
    this.#runs.add(run);
    try {
      return await run.extend(end) ? run.digest : undefined;
    } finally {
      await run.close();
      this.#runs.delete(run);
    }
  }

  #work(task: Promise<void>): void {
    const watched = task.catch((error) => {
      this.#failure ??= error;
    }).finally(() => this.#checks.delete(watched));
    this.#checks.add(watched);
  }

  #lose(range: Range, reason: string): void {
    const count = this.#segments.cut(range);
    this.#changed = true;
    this.#renote();
    // Bytes that went into the hash of the whole and then turn out to be wrong spoil it.
    if (this.#front.hasPassed(range.start)) {
      this.#work(this.#front.restart(range.start).then(() => this.#front.poke()));
    }
    if (count > 0) this.tools.lost(range, count, reason);
  }

  /** Lets the live positions say what the segments say now: nobody shall believe cut bytes after a kill. */
  #renote(): void {
    const used = new Set(this.#segments.list.map(({ slot }) => slot));
    for (const slot of this.live.slots()) if (!used.has(slot)) this.live.release(slot);
    for (const segment of this.#segments.list) {
      const { slot, start, end } = segment;
      if (!slot || (slot.start === start && slot.position === end)) continue;
      this.live.release(slot);
      segment.slot = this.live.begin(start);
      this.live.advance(segment.slot, end);
    }
  }

  async #save(): Promise<number> {
    if (this.#sealing || !this.#changed) return this.kept();
    this.#changed = false;
    try {
      const reach = this.#segments.reach(this.#front.position);
      if (this.#front.behind <= CLOSE_BEHIND) await this.#front.catchUp(reach);
      this.#segments.join(this.#front.position);
      const done = await writeCheckpoint({
        ...this.tools,
        blob: this.blob,
        file: this.file,
        segments: this.#segments,
        prefixDigests: this.#front.digests(),
        searched: this.#searched,
      });
      for (const slot of done.slots) this.live.release(slot);
      return done.bytes;
    } catch (error) {
      this.#changed = true;
      throw error;
    }
  }

  async #finish(): Promise<void> {
    const { disk, at } = this.tools;
    await this.file.sync();
    // Windows renames only what nobody has open.
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
    const runs = [...this.#runs, ...this.#segments.list.flatMap(({ run }) => run ?? [])];
    await Promise.all([this.#front.stop(), ...runs.map((run) => run.close())]);
    await Promise.allSettled(this.#checks);
    this.#segments.remove(() => true);
    this.live.close();
    this.#reader?.close();
    this.file.close();
  }
}
