/** What is done about a blob whose SHA-256 is not its digest. */

import type { Emit } from "../../core/events.ts";
import { PullamaError } from "../../core/errors.ts";
import type { Descriptor } from "../../core/manifest.ts";
import type { BlobPlan } from "../work/blob_plan.ts";
import type { Fetcher } from "../traffic/fetcher.ts";
import { RepairRounds } from "./repair_rounds.ts";

/** Complete downloads of a blob before giving up, if each has the wrong digest. */
export const MOST_DOWNLOADS = 3;
/** Why a blob, or the bytes of it without a digest of their own, are downloaded again. */
export const MISMATCH = "digest mismatch";
const COMPARING = "digest mismatch: the blob is downloaded again and compared, part by part";

/**
 * After a blob is complete and its digest does not match: first drops the bytes without a digest of their own, then
 * compares the rest with another download, as `plan.repair` says, beginning with what was received from a source that is
 * no longer asked for it. Resolves with whether bytes were dropped. Throws `digest` after the last download.
 */
export async function planRepair(fetcher: Fetcher, emit: Emit, plan: BlobPlan): Promise<boolean> {
  const { ingest, blob } = plan;
  const { digest } = blob;
  const actual = ingest.actual;
  const count = await ingest.dropDoubtful();
  if (count > 0) {
    emit({ event: "bytes_lost", digest, count, reason: MISMATCH });
    return true;
  }
  const suspects = fetcher.forgetAddress(blob);
  plan.ranged = fetcher.sendsRanges(blob) ?? plan.ranged;
  if (!plan.repair) emit({ event: "bytes_lost", digest, count: 0, reason: COMPARING });
  if (suspects.length > 0 && !plan.repair?.hasSuspects) {
    plan.repair = RepairRounds.beginningWith(suspects, plan.chunks, MOST_DOWNLOADS - 1);
    return false;
  }
  plan.repair ??= new RepairRounds(plan.chunks, ingest.searched, MOST_DOWNLOADS - 1);
  if (plan.repair.nextRound()) return false;
  ingest.searched = 0;
  throw digestMismatch(blob, actual);
}

/** The failure after the last download of a blob had the wrong digest. */
export function digestMismatch(blob: Descriptor, actual: string | undefined): PullamaError {
  return new PullamaError(
    "digest",
    `digest mismatch for ${blob.digest} (got ${
      actual ?? "unknown"
    }, after ${MOST_DOWNLOADS} downloads)`,
    { hint: "a proxy changes the data, or the registry is damaged: try another network" },
  );
}

/** The warning about a list of chunk digests that does not match the data. */
export function wrongChunkList({ digest }: Descriptor): { message: string; hint: string } {
  return {
    message: `the registry's chunk digests of ${digest} do not match its data`,
    hint: "they are ignored: the digest of the whole blob decides",
  };
}
