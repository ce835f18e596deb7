/**
 * The hash of the whole blob, made while the rest still comes: it follows the unbroken run of bytes from
 * the beginning. On its way it leaves marks, digests of everything before a position, and on a resume it
 * meets the marks of the earlier run: so each stretch of old bytes is proven, or found out, in one pass.
 */

import { type Digest, EMPTY_DIGEST } from "../../core/digest.ts";
import type { Range } from "../../core/ranges.ts";
import type { Hasher, HashRun } from "../../io/hash.ts";
import type { PrefixDigest } from "./checkpoint.ts";

const MIB = 1024 * 1024;
/** Where marks are left. */
const SPACING = 64 * MIB;
/** A shorter stretch than this is not worth a message to the hashing thread, unless somebody waits. */
const SHORTEST = 4 * MIB;
/** Marks kept at most; beyond it every second one goes. */
const MOST_MARKS = 1024;

interface Step {
  readonly end: number;
  readonly expect?: Digest;
}

export class PrefixHash {
  #run: HashRun;
  #marks: PrefixDigest[] = [];
  #expected: PrefixDigest[];
  #doubted = 0;
  #loop: Promise<void> | undefined;
  #eager = 0;
  #paused = 0;
  #ended = false;
  /** Where bytes were that this hash has gone over, also before it began again. */
  #passed = 0;
  #failure: unknown;

  /**
   * `reach` tells how far the unbroken bytes go; `onWrong` is called with a stretch whose bytes are not
   * those that a mark speaks of, after which `reach` must end before it.
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

  /** Marks to save: those left, where the hash stands now, and those of the earlier run still ahead. */
  digests(): PrefixDigest[] {
    const { position, digest } = this.#run;
    const here = digest === undefined || position <= (this.#marks.at(-1)?.end ?? 0)
      ? []
      : [{ end: position, digest }];
    return [...this.#marks, ...here, ...this.#expected];
  }

  /** More bytes may be there. */
  poke(): void {
    if (this.#stopped || this.#failure !== undefined) return;
    this.#loop ??= this.#follow().catch((error) => {
      this.#failure = error;
    }).finally(() => this.#loop = undefined);
  }

  /**
   * Waits until the hash stands at `to`, or as far before it as there are unbroken bytes. Rejects if
   * reading failed.
   */
  async catchUp(to: number): Promise<void> {
    this.#eager++;
    try {
      while (!this.#stopped && this.#failure === undefined && this.position < to) {
        if (this.#loop === undefined && this.#next() === undefined) break;
        this.poke();
        await this.#loop;
      }
    } finally {
      this.#eager--;
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Bytes between the hash and the end of what is there, while no earlier mark has to be met. */
  get behind(): number {
    return this.#expected.length > 0 ? Infinity : this.reach(this.position) - this.position;
  }

  /** Whether the hash is made of bytes after `position`, or a mark of this run is. */
  hasPassed(position: number): boolean {
    return position < Math.max(this.position, this.#passed);
  }

  /** Begins again: bytes from `position` on have changed or gone. Marks before it are met again. */
  async restart(position: number): Promise<void> {
    const left = this.#run;
    // At once: what is saved meanwhile must not speak of the bytes that went.
    this.#expected = this.digests().filter(({ end }) => end <= position);
    this.#marks = [];
    this.#passed = position;
    this.#run = this.hasher.follow(this.path, 0);
    this.#paused++;
    try {
      await Promise.all([left.close(), this.#loop]);
    } finally {
      this.#failure = undefined;
      this.#paused--;
    }
  }

  /** Ends after the slice in work. */
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
      const held = await run.extend(step.end, step.expect);
      if (this.#stopped || this.#run !== run) return;
      if (!held) this.#wrong({ start, end: step.end });
      else if (step.expect !== undefined) this.#met();
      else if (step.end % SPACING === 0 && step.end > start) this.#leave();
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

  #met(): void {
    this.#marks.push(this.#expected.shift()!);
  }

  #leave(): void {
    this.#marks.push({ end: this.#run.position, digest: this.#run.digest! });
    if (this.#marks.length > MOST_MARKS) {
      this.#marks = this.#marks.filter((_, i) => i % 2 === 1);
    }
  }

  /** A mark that does not hold for bytes that were fetched again is itself the lie: no mark is believed. */
  #wrong(range: Range): void {
    if (this.#expected.length > 0 && this.#doubted === range.end) {
      this.#expected = [];
      return;
    }
    this.#doubted = range.end;
    this.onWrong(range);
  }
}
