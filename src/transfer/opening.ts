/** Opens the blobs that a model needs, and finds out what has to be downloaded of each. */

import type { Session } from "../core/content.ts";
import type { BlobRef } from "../core/events.ts";
import type { Descriptor } from "../core/manifest.ts";
import { tile } from "../core/ranges.ts";
import { BlobReports } from "./blob_reports.ts";
import type { PullContext } from "./context.ts";
import type { Fetcher } from "./traffic/fetcher.ts";
import { BlobPlan } from "./work/blob_plan.ts";

/** A blob that the model needs; whether it must be downloaded is found out when its turn comes. */
export interface NeededBlob {
  readonly ref: BlobRef;
  readonly blob: Descriptor;
  readonly state: "present" | "unproven" | "missing";
}

export interface OpeningTools {
  readonly session: Session;
  readonly fetcher: Fetcher;
  readonly context: PullContext;
  /** Bytes of a chunk where the registry gives none. */
  readonly chunkSize: number;
  /** How far ahead of its first missing byte bytes of a blob are requested. */
  readonly window: number;
}

/** What a blob calls while it is open. */
export interface OpenBlob {
  /** It has to be waited for, so that others are opened meanwhile. */
  readonly waiting: () => void;
  /** There is something to download again. */
  readonly lost: () => void;
}

/** Whether a small blob has to be downloaded. */
export async function isSmallMissing(
  { session, fetcher, context }: OpeningTools,
  { blob, ref, state }: NeededBlob,
  on: OpenBlob,
): Promise<boolean> {
  const reports = new BlobReports(blob, fetcher, context, on);
  const here = state === "present" ||
    (state === "unproven" && await session.verifyOrQuarantine(blob, context.signal, reports));
  if (here) context.emit({ event: "blob_cached", blob: ref });
  return !here;
}

/** Looks for the registry's own chunks of a blob while it is downloaded already. Never fails the pull. */
export async function lookForChunks({ fetcher }: OpeningTools, plan: BlobPlan): Promise<void> {
  const chunks = await fetcher.chunksums(plan.blob, plan.sealed.signal);
  if (chunks) plan.setChunks(chunks);
}

/** Takes a large blob to write, and plans its download; undefined: it is there. */
export async function openLarge(
  { session, fetcher, context, chunkSize, window }: OpeningTools,
  { blob, ref, state }: NeededBlob,
  on: OpenBlob,
): Promise<BlobPlan | undefined> {
  const { signal, emit, clock } = context;
  const reports = new BlobReports(blob, fetcher, context, on);
  const ingest = state === "present" ? undefined : await session.ingest(blob, signal, reports);
  if (!ingest) {
    emit({ event: "blob_cached", blob: ref });
    return undefined;
  }
  try {
    emit({ event: "blob_start", blob: ref, kept: ingest.kept() });
    const tiles = tile(blob.size, chunkSize);
    const plan = new BlobPlan(ref, blob, ingest, tiles, { now: clock.now(), window });
    plan.ranged = fetcher.sendsRanges(blob);
    reports.plan = plan;
    return plan;
  } finally {
    if (!reports.plan) await ingest[Symbol.asyncDispose]();
  }
}
