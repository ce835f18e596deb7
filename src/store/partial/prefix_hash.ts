/**
 * The hash of the whole blob, computed while the rest is downloaded: it follows the contiguous bytes from the
 * beginning. On its way it records prefix digests, of everything before a position. A resumed blob is compared with
 * those of the earlier run, so that each part of its old bytes is verified in one pass.
 */

import { type Digest, EMPTY_DIGEST } from "../../core/digest.ts";
import type { PrefixDigest, Range } from "../../core/ranges.ts";
import { isReadFailure } from "../../io/file_error.ts";
import type { Hasher, HashRun } from "../../io/hash.ts";
import { SPACING } from "../layout/parts.ts";

const MIB = 1024 * 1024;
/** Less than this is not worth a message to the hashing thread, unless a caller waits. */
const SHORTEST = 4 * MIB;
/** The hash is soon done with so many bytes: a checkpoint waits for it. */
const CLOSE_BEHIND = 64 * MIB;
/** Places that a disk cannot read and that are written again, at most. */
const MOST_UNREADABLE = 16;
/** Prefix digests kept at most; beyond it every second one is dropped. */
const MOST_DIGESTS = 1024;

interface Step {
  readonly end: number;
  readonly expect?: Digest;
}

export class PrefixHash {
  #run: HashRun;
  #recorded: PrefixDigest[] = [];
  #expected: PrefixDigest[];
  #failedAt = 0;
  #loop: Promise<void> | undefined;
  #eager = 0;
  #paused = 0;
  #ended = false;
  /** The end of the bytes that were hashed before it was restarted, and of those that are being read. */
  #passed = 0;
  #reading = 0;
  #failure: unknown;
  /** Resolves after the step that is under way. */
  #step = Promise.withResolvers<void>();
  /** How often the disk could not read bytes of the file. */
  #unreadable = 0;

  /**
   * `reach` returns the end of the contiguous bytes from a position on; `onWrong` is called with a range whose bytes
   * do not match a prefix digest, after which `reach` must end before it.
   */
  constructor(
    private readonly hasher: Hasher,
    private readonly path: string,
    private readonly size: number,
    expected: readonly PrefixDigest[],
    private readonly reach: (from: number) => number,
    private readonly onWrong: (range: Range) => void,
  ) {
    this.#run = hasher.follow(path, 0);
    this.#expected = [...expected];
  }

  /** Everything before this is hashed. */
  get position(): number {
    return this.#run.position;
  }

  /** The digest of everything before `position`. */
  get digest(): Digest {
    return this.#run.digest ?? EMPTY_DIGEST;
  }

  /** Prefix digests to save: those recorded, that of the current position, and those of the earlier run still ahead. */
  digests(): PrefixDigest[] {
    const { position, digest } = this.#run;
    const here = digest === undefined || position <= (this.#recorded.at(-1)?.end ?? 0)
      ? []
      : [{ end: position, digest }];
    return [...this.#recorded, ...here, ...this.#expected];
  }

  /** More bytes may be on disk. */
  poke(): void {
    if (this.#stopped || this.#failure !== undefined) return;
    this.#loop ??= this.#follow().catch((error) => {
      this.#failure = error;
    }).finally(() => this.#loop = undefined);
  }

  /**
   * Waits until everything up to `to` is hashed, or up to the end of the contiguous bytes. Rejects if reading
   * failed.
   */
  async catchUp(to: number): Promise<void> {
    this.#eager++;
    try {
      while (!this.#stopped && this.#failure === undefined && this.position < to) {
        if (this.#loop === undefined && this.#next() === undefined) break;
        this.poke();
        // The loop ends only when no more bytes arrive.
        await Promise.race([this.#loop, this.#step.promise]);
      }
    } finally {
      this.#eager--;
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** As `catchUp`, if that is soon done; what cannot be read is no reason to save nothing. */
  async catchUpSoon(to: number): Promise<void> {
    if (this.isClose) await this.catchUp(to).catch(() => {});
  }

  /** Few bytes are still to be hashed: it is soon done. Not while prefix digests of the earlier run are ahead. */
  get isClose(): boolean {
    return this.#expected.length === 0 && this.reach(this.position) - this.position <= CLOSE_BEHIND;
  }

  /** Whether the hash, or a prefix digest of this run, includes the byte at `position`, or may read it just now. */
  hasPassed(position: number): boolean {
    return position < Math.max(this.position, this.#passed, this.#reading);
  }

  /** Starts again, since bytes from `position` on have changed or are gone. Prefix digests before it are compared again. */
  async restart(position: number): Promise<void> {
    const left = this.#run;
    // At once: a checkpoint meanwhile must not include the bytes that are gone.
    this.#expected = this.digests().filter(({ end }) => end <= position);
    this.#recorded = [];
    this.#passed = position;
    this.#reading = 0;
    this.#run = this.hasher.follow(this.path, 0);
    this.#paused++;
    try {
      await Promise.all([left.close(), this.#loop]);
    } finally {
      this.#failure = undefined;
      this.#paused--;
    }
  }

  /** Ends after the current slice. */
  async stop(): Promise<void> {
    this.#ended = true;
    await Promise.all([this.#run.close(), this.#loop]);
  }

  get #stopped(): boolean {
    return this.#ended || this.#paused > 0;
  }

  async #follow(): Promise<void> {
    for (let step = this.#next(); step && !this.#stopped; step = this.#next()) {
      const run = this.#run;
      const start = run.position;
      this.#reading = step.end;
      const held = await run.extend(step.end, step.expect).catch((error) => {
        this.#cannotRead({ start, end: step.end }, error);
        return false;
      });
      this.#step.resolve();
      this.#step = Promise.withResolvers();
      if (this.#run === run) this.#reading = 0;
      if (this.#stopped || this.#run !== run) return;
      if (!held) this.#wrong({ start, end: step.end });
      else if (step.expect !== undefined) this.#matched();
      else if (step.end % SPACING === 0 && step.end > start) this.#record();
    }
  }

  #next(): Step | undefined {
    const at = this.#run.position;
    const available = this.reach(at);
    const prefixDigest = this.#expected[0];
    if (prefixDigest) {
      return available < prefixDigest.end
        ? undefined
        : { end: prefixDigest.end, expect: prefixDigest.digest };
    }
    const boundary = (Math.floor(at / SPACING) + 1) * SPACING;
    const end = Math.min(available, boundary);
    const whole = end === boundary || end === this.size;
    if (end <= at || (!whole && this.#eager === 0 && end - at < SHORTEST)) return undefined;
    return { end };
  }

  /**
   * What the disk cannot read is missing: it is downloaded again, and the hash starts anew. A disk that cannot read what
   * is written there then either would do so for ever.
   */
  #cannotRead(range: Range, error: unknown): void {
    if (!isReadFailure(error) || ++this.#unreadable > MOST_UNREADABLE) throw error;
    this.onWrong(range);
  }

  #matched(): void {
    this.#recorded.push(this.#expected.shift()!);
  }

  #record(): void {
    this.#recorded.push({ end: this.#run.position, digest: this.#run.digest! });
    if (this.#recorded.length > MOST_DIGESTS) {
      this.#recorded = this.#recorded.filter((_, i) => i % 2 === 1);
    }
  }

  /** A prefix digest that does not match bytes that were downloaded again is itself wrong: none is believed. */
  #wrong(range: Range): void {
    if (this.#expected.length > 0 && this.#failedAt === range.end) {
      this.#expected = [];
      return;
    }
    this.#failedAt = range.end;
    this.onWrong(range);
  }
}
