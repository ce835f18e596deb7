/** Compares bytes on disk with a second download of them. */

import type { Range } from "../../core/ranges.ts";
import type { PullContext } from "../context.ts";
import type { Assignment } from "../work/blob_plan.ts";
import type { BodyReader } from "./buffers.ts";

/** How often progress is reported, in milliseconds. */
const REPORT_EVERY = 500;

/**
 * Reads on while the bytes received equal those on disk. At the first difference the rest of the range is
 * discarded and replaced: the differing bytes are returned, and `assignment` no longer compares. `differs` is told where.
 */
export async function compare(
  assignment: Assignment,
  reader: BodyReader,
  { emit, clock }: PullContext,
  differs: (at: Range) => void,
): Promise<Uint8Array | undefined> {
  const { blob, ingest, repair } = assignment.plan;
  const { digest, size } = blob;
  const begin = assignment.position;
  let reportedAt = -Infinity;
  try {
    while (assignment.position < assignment.end) {
      if (clock.now() - reportedAt >= REPORT_EVERY) {
        emit({ event: "verifying", digest, done: assignment.position, size });
        reportedAt = clock.now();
      }
      const bytes = await reader.next(assignment.end - assignment.position);
      if (!bytes) return undefined;
      const same = await ingest.matchingPrefix(bytes, assignment.position);
      assignment.position += same;
      if (same === bytes.length) continue;
      differs({ start: assignment.position, end: assignment.position + 1 });
      const rest = { start: assignment.position, end: assignment.end };
      const count = await ingest.forget(rest);
      assignment.comparing = false;
      emit({ event: "bytes_lost", digest, count, reason: "a second download differs" });
      return bytes.subarray(same);
    }
    return undefined;
  } finally {
    const { comparing, position, end } = assignment;
    repair?.compared({ start: begin, end: comparing ? position : end }, comparing);
    ingest.searched = repair?.position ?? 0;
  }
}
