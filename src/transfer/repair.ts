/** Blobs that are not what their digest says. */

import { PullamaError } from "../core/errors.ts";
import type { Descriptor } from "../core/manifest.ts";
import type { ConnectionTools } from "./fetcher.ts";
import { RepairRounds } from "./repair_rounds.ts";
import type { BlobPlan } from "./blob_plan.ts";

/** How often all of a blob is fetched before it is given up, when the whole is wrong each time. */
export const MOST_DOWNLOADS = 3;
/** Why a blob, or what of it nobody can vouch for, has to be fetched again. */
export const WRONG = "the blob is not what its digest says";
const SEARCH =
  "the blob is not what its digest says: it is fetched again and compared, part by part";

/**
 * After all of a blob came and is wrong: what nobody vouched for goes first; then the wrong bytes are searched
 * for, as `work.search` says. Throws `digest` when there have been enough copies.
 */
export async function planRepair(
  { emit, source, name }: ConnectionTools,
  plan: BlobPlan,
): Promise<void> {
  const { ingest, blob } = plan;
  const { digest } = blob;
  const actual = ingest.actual;
  const count = await ingest.dropDoubtful();
  if (count > 0) return emit({ event: "bytes_lost", digest, count, reason: WRONG });
  if (!plan.repair) {
    plan.repair = new RepairRounds(plan.chunks, ingest.searched, MOST_DOWNLOADS - 1);
    emit({ event: "bytes_lost", digest, count: 0, reason: SEARCH });
  }
  source.forgetAddress(name, blob);
  if (plan.repair.nextRound()) return;
  ingest.searched = 0;
  throw digestMismatch(blob, actual);
}

/** The failure of a blob that came wrong as often as it may. */
export function digestMismatch(blob: Descriptor, actual: string | undefined): PullamaError {
  return new PullamaError(
    "digest",
    `the registry sends something else for ${blob.digest}: ${actual ?? "unknown"}, ` +
      `${MOST_DOWNLOADS} times in a row`,
    { hint: "something on the way changes the data, or the registry is damaged: try another line" },
  );
}

/** What is said of chunks that never are what the registry says of them. */
export function wrongChunkList({ digest }: Descriptor): { message: string; hint: string } {
  return {
    message: `the registry's digests for parts of ${digest} do not fit what it sends`,
    hint: "they are left aside: the digest of the whole decides",
  };
}
