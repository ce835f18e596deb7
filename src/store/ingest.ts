/** An unfinished blob with an owner: its bytes, what proves them, and its end as a finished blob. */

import type { Digest } from "../core/digest.ts";
import type { Descriptor } from "../core/manifest.ts";
import { type Chunk, missing, type Range, subtract, total } from "../core/ranges.ts";
import { folderOf } from "../io/atomic.ts";
import type { Disk, DiskFile, Ownership } from "../io/disk.ts";
import type { Hasher } from "../io/hash.ts";
import type { Lock } from "../io/lock.ts";
import type { Mark } from "./checkpoint.ts";
import { Front } from "./front.ts";
import { LivePositions } from "./live.ts";
import type { BlobPaths } from "./paths.ts";
import type { Resume } from "./resume.ts";
import { saveProgress } from "./save.ts";
import { type Segment, Segments } from "./segments.ts";

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
  readonly look: Ownership;
  readonly boot: number;
  /** Who writes checkpoints, such as `pullama/0.1.0`. */
  readonly tool: string;
  /** Called with the finished file before the lock is let go. */
  readonly finished: (path: string) => Promise<void>;
  readonly lost: (range: Range, count: number, reason: string) => void;
}

export class BlobIngest implements AsyncDisposable {
  #segments = new Segments();
  #front: Front;
  /** Chunks that the registry gave a digest for; the hash of the whole does not pass them unchecked. */
  #unchecked: Chunk[] = [];
  #comparing = new Set<Chunk>();
  #checks = new Set<Promise<void>>();
  #marks: readonly Mark[];
  #saving: Promise<number> = Promise.resolve(0);
  #changed = false;
  #sealed = false;
  #failure: unknown;

  private constructor(
    readonly blob: Descriptor,
    private readonly tools: IngestTools,
    private readonly lock: Lock,
    private readonly file: DiskFile,
    private live: LivePositions,
    resume: Resume,
  ) {
    this.#marks = resume.marks;
    this.#front = this.#newFront();
  }

  /** Opens the blob whose lock is held. On failure the lock is still the caller's. */
  static async open(
    blob: Descriptor,
    tools: IngestTools,
    lock: Lock,
    resume: Resume,
  ): Promise<BlobIngest> {
    const { disk, at, boot, temporary } = tools;
    const file = await disk.open(at.partial, "any");
    try {
      if (resume.length === undefined) await disk.own(at.partial, tools.look);
      else if (resume.length > blob.size) await file.truncate(blob.size);
      const unsaved = resume.claims.filter(({ from, digest }) => from === "live" && !digest);
      const live = await LivePositions.create(disk, at.live, temporary(), boot, unsaved);
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
    this.#unchecked = chunks.filter((chunk) =>
      chunk.digest !== undefined && subtract([chunk], have).length > 0
    );
    this.#front.poke();
    return missing(chunks, have);
  }

  async writer(start: number): Promise<BlobWriter> {
    const file = await this.tools.disk.open(this.tools.at.partial, "any");
    const segment = this.#segments.add({ start, end: start }, "registry", {
      open: true,
      slot: this.live.begin(start),
    });
    return new BlobWriter(file, segment, {
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
    while (this.#checks.size > 0) await Promise.all(this.#checks);
    if (this.#failure !== undefined) throw this.#failure;
    await this.#front.catchUp(size);
    if (this.#front.position < size) return "incomplete";
    if (this.#front.digest !== digest) return "mismatch";
    await this.#saving.catch(() => {});
    await this.#finish();
    return "sealed";
  }

  async drop(what: "doubtful" | "all"): Promise<number> {
    const doubtful = this.#segments.list.filter(({ from }) => from !== "registry");
    if (what === "doubtful" && doubtful.length === 0) return 0;
    const before = this.kept();
    this.#segments.remove(({ from }) => what === "all" || from !== "registry");
    const from = what === "all" ? 0 : Math.min(...doubtful.map(({ start }) => start));
    await this.#front.restart(from);
    // Positions of dropped bytes must not be believed after a kill either.
    for (const slot of this.live.slots()) this.live.release(slot);
    this.#changed = true;
    await this.checkpoint();
    this.#front.poke();
    return before - this.kept();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#sealed) return;
    try {
      await this.checkpoint();
    } finally {
      await this.#letGo();
    }
  }

  #claim({ claims }: Resume): void {
    const lines = [...this.live.slots()];
    for (const claim of claims) {
      const { digest, from, start, end } = claim;
      const slot = lines.find((line) => line.start === start && line.position === end);
      const segment = this.#segments.add(claim, from, {
        ...(digest === undefined ? {} : { proof: { end, digest } }),
        ...(slot && from === "live" && !digest ? { slot } : {}),
      });
      if (digest !== undefined) this.#work(this.#prove(segment, digest));
    }
    this.#changed = claims.some(({ digest, from }) => from !== "registry" && !digest);
    this.#front.poke();
  }

  #newFront(): Front {
    return new Front(
      this.tools.hasher,
      this.tools.at.partial,
      this.blob.size,
      this.#marks,
      (from) => Math.min(this.#segments.reach(from), this.#unchecked[0]?.start ?? Infinity),
      (range) => this.#lose(range, "the bytes on disk are not those of the checkpoint"),
    );
  }

  /** Compares old bytes with the digest that the checkpoint has for them. */
  async #prove(segment: Segment, digest: Digest): Promise<void> {
    const { start, end } = segment;
    if (!await this.#hasDigest({ start, end }, digest)) {
      this.#lose({ start, end }, "the bytes on disk are not those of the checkpoint");
    }
  }

  /** Compares chunks that have become whole with the registry's digests. */
  #check(): void {
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
    const right = await this.#hasDigest(chunk, digest);
    this.#comparing.delete(chunk);
    if (right) this.#unchecked = this.#unchecked.filter((other) => other !== chunk);
    else this.#lose(chunk, "a chunk is not what the registry says it is");
    this.#front.poke();
  }

  async #hasDigest({ start, end }: Range, digest: Digest): Promise<boolean> {
    const run = this.tools.hasher.follow(this.tools.at.partial, start);
    try {
      return await run.extend(end, digest);
    } finally {
      await run.close();
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
    // Nobody shall believe these bytes after a kill.
    for (const segment of this.#segments.list) {
      const { slot, start, end } = segment;
      if (!slot || slot.start === start) continue;
      this.live.release(slot);
      segment.slot = this.live.begin(start);
      this.live.advance(segment.slot, end);
    }
    if (count > 0) this.tools.lost(range, count, reason);
  }

  async #save(): Promise<number> {
    if (this.#sealed || !this.#changed) return this.kept();
    this.#changed = false;
    try {
      const reach = this.#segments.reach(this.#front.position);
      if (this.#front.behind <= CLOSE_BEHIND) await this.#front.catchUp(reach);
      this.#segments.join(this.#front.position);
      const done = await saveProgress({
        ...this.tools,
        blob: this.blob,
        file: this.file,
        segments: this.#segments,
        marks: this.#front.marks(),
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
    this.#sealed = true;
    // Windows renames only what nobody has open.
    await this.#close();
    await disk.rename(at.partial, at.ready);
    await disk.syncFolder(folderOf(at.ready));
    await disk.syncFolder(folderOf(at.partial));
    await this.tools.finished(at.ready);
    await disk.remove(at.checkpoint);
    await disk.remove(at.live);
    this.lock[Symbol.dispose]();
  }

  async #letGo(): Promise<void> {
    this.#sealed = true;
    await this.#close();
    this.lock[Symbol.dispose]();
  }

  async #close(): Promise<void> {
    await this.#front.stop();
    await Promise.allSettled(this.#checks);
    this.#segments.remove(() => true);
    await this.live.close();
    this.file.close();
  }
}

/** One connection's end of the blob. */
class BlobWriter {
  #open = true;

  constructor(
    private readonly file: DiskFile,
    private readonly segment: Segment,
    private readonly tell: { readonly wrote: () => void; readonly closed: () => void },
  ) {}

  get position(): number {
    return this.segment.end;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.file.writeAt(bytes, this.segment.end);
    this.segment.end += bytes.length;
    this.tell.wrote();
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.file.close();
    this.tell.closed();
  }
}
