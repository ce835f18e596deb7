/** Blobs that are held in memory until they are right, and stored at once. */

import type { BlobRef } from "../core/events.ts";
import type { Descriptor } from "../core/manifest.ts";
import { fetchWhole } from "./connection.ts";
import type { Pause } from "./retrier.ts";
import type { Session } from "../core/content.ts";
import type { ConnectionTools } from "./fetcher.ts";
import { digestMismatch, MOST_DOWNLOADS, WRONG } from "./repair.ts";

/** What this needs besides a connection. */
export interface SmallTools extends ConnectionTools {
  readonly session: Session;
  readonly pause: Pause;
}

/** Fetches and stores a blob. Throws `digest` when there have been enough wrong copies. */
export async function fetchSmall(
  tools: SmallTools,
  { blob, ref }: { readonly blob: Descriptor; readonly ref: BlobRef },
): Promise<void> {
  const { session, pause, clock, emit, source, name } = tools;
  const { digest, size } = blob;
  const began = clock.now();
  emit({ event: "blob_start", blob: ref, kept: 0 });
  for (let downloads = 1;; downloads++) {
    const actual = await session.put(blob, await fetchWhole(tools, pause, blob));
    if (actual === digest) break;
    if (downloads === MOST_DOWNLOADS) throw digestMismatch(blob, actual);
    source.forgetAddress(name, blob);
    emit({ event: "bytes_lost", digest, count: 0, reason: WRONG });
  }
  emit({ event: "bytes", digest, count: size });
  emit({ event: "blob_verified", blob: ref, elapsedMs: clock.now() - began });
}
