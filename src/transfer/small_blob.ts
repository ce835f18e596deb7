/** Small blobs: downloaded into memory, verified, and stored in one step. */

import type { Session } from "../core/content.ts";
import type { BlobRef } from "../core/events.ts";
import type { Descriptor } from "../core/manifest.ts";
import type { Connection } from "./connection.ts";
import type { PullContext } from "./context.ts";
import type { Fetcher } from "./fetcher.ts";
import { digestMismatch, MISMATCH, MOST_DOWNLOADS } from "./repair.ts";

export interface SmallBlobTools {
  readonly session: Session;
  readonly fetcher: Fetcher;
  readonly connection: Connection;
  readonly context: PullContext;
}

/** Downloads and stores a blob. Throws `digest` if the last download has the wrong digest as well. */
export async function fetchSmall(
  { session, fetcher, connection, context: { emit, clock } }: SmallBlobTools,
  { blob, ref }: { readonly blob: Descriptor; readonly ref: BlobRef },
): Promise<void> {
  const { digest, size } = blob;
  const began = clock.now();
  emit({ event: "blob_start", blob: ref, kept: 0 });
  for (let downloads = 1;; downloads++) {
    const actual = await session.put(blob, await connection.downloadSmall(blob));
    if (actual === digest) break;
    if (downloads === MOST_DOWNLOADS) throw digestMismatch(blob, actual);
    fetcher.forgetAddress(blob);
    emit({ event: "bytes_lost", digest, count: 0, reason: MISMATCH });
  }
  emit({ event: "bytes", digest, count: size });
  emit({ event: "blob_verified", blob: ref, elapsedMs: clock.now() - began });
}
