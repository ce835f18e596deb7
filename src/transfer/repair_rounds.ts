/**
 * Where to look for the wrong bytes of a blob: range after range is fetched again and compared with what is on
 * disk, and what is not the same is taken in its place. Copies that are alike are beyond suspicion, so a
 * second round is made of the ranges that were not, with those that an earlier run has gone through, and of
 * all only where all were alike.
 */

import { type Range, subtract, union } from "../core/ranges.ts";

export class RepairRounds {
  readonly #all: readonly Range[];
  #todo: Range[];
  #alike: Range[] = [];
  #rounds = 1;
  /** Bytes were replaced: perhaps that was it. */
  #hopeful = false;

  /** Goes through `ranges`, which are sorted and disjoint, from the offset `from` on; `most` rounds. */
  constructor(ranges: readonly Range[], from: number, private readonly most: number) {
    this.#all = ranges;
    this.#todo = ranges.filter(({ end }) => end > from);
    if (this.#todo.length === 0) this.#todo = [...ranges];
  }

  /** What to compare next; undefined: first the digest of the whole has to be tried. */
  get next(): Range | undefined {
    return this.#hopeful ? undefined : this.#todo[0];
  }

  /** How far this round is; 0 at its end. */
  get position(): number {
    return this.#todo[0]?.start ?? 0;
  }

  /** Everything in `range` was gone through, and was the same or not. */
  compared(range: Range, same: boolean): void {
    if (same) this.#alike = union([...this.#alike, range]);
    else this.#hopeful = true;
    this.#todo = this.#todo.flatMap(({ start, end }) => {
      if (end <= range.end) return [];
      return [{ start: Math.max(start, range.end), end }];
    });
  }

  /** The whole is still wrong: goes on, with another round if this one is over; false: there have been enough. */
  nextRound(): boolean {
    this.#hopeful = false;
    if (this.#todo.length > 0) return true;
    if (this.#rounds === this.most) return false;
    this.#rounds++;
    const doubtful = this.#all.filter((one) => subtract([one], this.#alike).length > 0);
    this.#todo = doubtful.length > 0 ? doubtful : [...this.#all];
    this.#alike = [];
    return true;
  }
}
