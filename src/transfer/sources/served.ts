/** Which bytes of a pull were received from which mirror. */

import type { Digest } from "../../core/digest.ts";
import { intersect, type Range, subtract, total, union } from "../../core/ranges.ts";

/** A request that has not ended: its bytes may still come. */
interface Request<T> {
  readonly digest: Digest;
  readonly by: T;
  ranges: readonly Range[];
}

export class Served<T> {
  readonly #blobs = new Map<Digest, Map<T, readonly Range[]>>();
  readonly #open = new Set<Request<T>>();

  /** `range` of a blob is requested from `by`; what is returned is told where the request has ended. */
  begin(digest: Digest, by: T, range: Range): (position: number) => void {
    const request: Request<T> = { digest, by, ranges: [range] };
    this.#open.add(request);
    return (position) => {
      if (!this.#open.delete(request)) return;
      const sent = intersect(request.ranges, [{ start: range.start, end: position }]);
      const blob = this.#blobs.get(digest) ?? new Map<T, readonly Range[]>();
      this.#blobs.set(digest, blob.set(by, union([...blob.get(by) ?? [], ...sent])));
    };
  }

  /** Another source, whose word counts more, has sent `range` as well: no mirror is blamed for it. */
  clear(digest: Digest, range: Range): void {
    const gone = union([range]);
    const blob = this.#blobs.get(digest);
    for (const [by, ranges] of blob ?? []) blob!.set(by, subtract(ranges, gone));
    for (const request of this.#open) {
      if (request.digest === digest) request.ranges = subtract(request.ranges, gone);
    }
  }

  /** Those who have sent parts of `range`, or may be sending them, with these parts. */
  givers(digest: Digest, range: Range): ReadonlyMap<T, readonly Range[]> {
    const all = new Map<T, readonly Range[]>(this.#blobs.get(digest));
    for (const { by, ranges, digest: of } of this.#open) {
      if (of === digest) all.set(by, union([...all.get(by) ?? [], ...ranges]));
    }
    const parts = [...all].map(([by, ranges]) => [by, intersect(ranges, [range])] as const);
    return new Map(parts.filter(([_, ranges]) => total(ranges) > 0));
  }
}

/** All givers but the one that has sent most: where a blob is wrong, the others are suspected first. */
export function lesser<T>(givers: ReadonlyMap<T, readonly Range[]>): readonly T[] {
  const sorted = [...givers].sort(([, a], [, b]) => total(b) - total(a));
  return sorted.slice(1).map(([giver]) => giver);
}
