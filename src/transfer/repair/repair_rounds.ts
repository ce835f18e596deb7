/**
 * Which ranges to compare to find the wrong bytes of a blob: range after range is downloaded again and compared with
 * what is on disk, and what differs is replaced. Ranges whose copies are equal are beyond suspicion, so a second round
 * covers only those that differed and those that an earlier run compared, and all of them only if all were equal.
 */

import { intersect, type Range, subtract, union } from "../../core/ranges.ts";

export class RepairRounds {
  readonly #all: readonly Range[];
  #todo: Range[];
  #equal: Range[] = [];
  #rounds = 1;
  /** Bytes were replaced: the digest may match now. */
  #replaced = 0;
  /** So many ranges have to differ before the digest is computed again. */
  #batch = 1;
  /** What that number is multiplied by each time: hashing the blob anew for each of many wrong ranges takes long. */
  #growth = 1;

  /** Compares `ranges`, which are sorted and disjoint, beginning at the offset `from`, in at most `most` rounds. */
  constructor(ranges: readonly Range[], from: number, private readonly most: number) {
    this.#all = ranges;
    this.#todo = ranges.filter(({ end }) => end > from);
    if (this.#todo.length === 0) this.#todo = [...ranges];
  }

  /** Compares `suspects` first, many of which may be wrong, then what else there is in `ranges`. */
  static beginningWith(
    suspects: readonly Range[],
    ranges: readonly Range[],
    most: number,
  ): RepairRounds {
    const rounds = new RepairRounds(ranges, 0, most);
    rounds.#todo = intersect(ranges, suspects);
    rounds.#growth = 2;
    return rounds;
  }

  /** Whether it began with suspects. */
  get hasSuspects(): boolean {
    return this.#growth > 1;
  }

  /** The range to compare next; undefined: the digest of the blob has to be computed first. */
  get next(): Range | undefined {
    return this.#replaced >= this.#batch ? undefined : this.#todo[0];
  }

  /** How far this round is; 0 at its end. */
  get position(): number {
    return this.#todo[0]?.start ?? 0;
  }

  /** All of `range` was compared. */
  compared(range: Range, equal: boolean): void {
    if (equal) this.#equal = union([...this.#equal, range]);
    else this.#replaced++;
    this.#todo = this.#todo.flatMap(({ start, end }) => {
      if (end <= range.end) return [];
      return [{ start: Math.max(start, range.end), end }];
    });
  }

  /** The digest still does not match: continues, with another round if this one is over; false: no rounds are left. */
  nextRound(): boolean {
    if (this.#replaced > 0) this.#batch *= this.#growth;
    this.#replaced = 0;
    if (this.#todo.length > 0) return true;
    if (this.#rounds === this.most) return false;
    this.#rounds++;
    const doubtful = this.#all.filter((one) => subtract([one], this.#equal).length > 0);
    this.#todo = doubtful.length > 0 ? doubtful : [...this.#all];
    this.#equal = [];
    return true;
  }
}
