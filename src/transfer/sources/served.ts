/** Which bytes of a pull were received from which mirror. */

import type { Digest } from "../../core/digest.ts";
import { intersect, type Range, subtract, total, union } from "../../core/ranges.ts";

export class Served<T> {
  readonly #blobs = new Map<Digest, Map<T, Range[]>>();

  /** `range` of a blob is requested from `by`. */
  add(digest: Digest, by: T, range: Range): void {
    const blob = this.#blobs.get(digest) ?? new Map<T, Range[]>();
    this.#blobs.set(digest, blob);
    blob.set(by, union([...blob.get(by) ?? [], range]));
  }

  /** It was not received from `by` after all, or another source, whose word counts more, has sent the same. */
  remove(digest: Digest, by: T, range: Range): void {
    const ranges = this.#blobs.get(digest)?.get(by);
    if (ranges) this.#blobs.get(digest)?.set(by, subtract(ranges, union([range])));
  }

  /** Those who have sent parts of `range`, with these parts. */
  givers(digest: Digest, range: Range): ReadonlyMap<T, readonly Range[]> {
    const all = [...this.#blobs.get(digest) ?? []].map(([by, ranges]) =>
      [by, intersect(ranges, [range])] as const
    );
    return new Map(all.filter(([_, ranges]) => total(ranges) > 0));
  }
}

/** All givers but the one that has sent most: where a blob is wrong, the others are suspected first. */
export function lesser<T>(givers: ReadonlyMap<T, readonly Range[]>): readonly T[] {
  const sorted = [...givers].sort(([, a], [, b]) => total(b) - total(a));
  return sorted.slice(1).map(([giver]) => giver);
}
