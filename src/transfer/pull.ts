/** One pull from beginning to end: a model of a Source becomes a model of a Store. */

import { PullamaError } from "../core/errors.ts";
import type { BlobRef, DryRun, Emit, Summary } from "../core/events.ts";
import { type Descriptor, distinctBlobs, type Manifest } from "../core/manifest.ts";
import type { ModelName } from "../core/name.ts";
import type { Stop } from "../core/stop.ts";
import { RateLimit } from "../io/limit.ts";
import { StallWatch } from "../io/stall.ts";
import { type Clock, systemClock } from "./clock.ts";
import { Outage, Pause, withPatience } from "./retrier.ts";
import type { BlobStatus, PullIntent, Source, Store } from "../core/content.ts";
import type { ConnectionTools } from "./fetcher.ts";
import { requireSpace, spaceFor, type SpaceNeeded, withCleanHint } from "./space.ts";
import { type NeededBlob, transfer, type TransferTools } from "./scheduler.ts";

export interface PullSettings {
  /** Parallel connections, 1 or more. */
  readonly connections: number;
  /** Of those, how many may write to one blob. */
  readonly perBlob: number;
  /** Length of a chunk where the registry gives none, in bytes. */
  readonly chunkSize: number;
  readonly maxRetries: number;
  /** How long to go on beyond `maxRetries` when the line is gone, in milliseconds; may be Infinity. */
  readonly retryForMs: number;
  /** Longest one attempt at a chunk may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Bytes a second over all connections. */
  readonly limitRate?: number;
  /** Pull although the disk seems too small. */
  readonly force: boolean;
  readonly dryRun: boolean;
}

export interface PullTools {
  readonly source: Source;
  readonly store: Store;
  readonly settings: PullSettings;
  readonly stop: Stop;
  readonly emit: Emit;
  readonly clock?: Clock;
  readonly watch?: StallWatch;
}

/** How often blobs that somebody else removes are fetched again while the model is being stored. */
const MOST_COMMITS = 3;

/**
 * Pulls a model. Resolves with nothing after a dry run. Rejects with a PullamaError; kind `interrupted`
 * after `stop`, when everything that arrived is kept.
 */
export async function pullModel(name: ModelName, tools: PullTools): Promise<Summary | undefined> {
  const { store, settings, stop, emit, clock = systemClock } = tools;
  const began = clock.now();
  const ended = new AbortController();
  const onStop = () => ended.abort(stop.soft.reason);
  if (stop.soft.aborted) onStop();
  stop.soft.addEventListener("abort", onStop, { once: true });
  let fetched = 0;
  const connection: ConnectionTools = {
    ...tools,
    name,
    clock,
    policy: settings,
    outage: new Outage(clock, emit),
    watch: tools.watch ?? new StallWatch(),
    limit: settings.limitRate === undefined ? undefined : new RateLimit(settings.limitRate, clock),
    timeoutMs: settings.timeoutMs,
    signal: ended.signal,
    fetched: (count) => fetched += count,
  };
  let blobs: readonly Descriptor[] = [];
  try {
    emit({ event: "pull_start", name });
    const pause = new Pause(clock);
    const manifest = await getManifest(connection, pause);
    const stored = await store.spelling(name);
    blobs = distinctBlobs(manifest);
    const statuses = await store.survey(blobs);
    const size = sizeOf(blobs);
    const { digest } = manifest;
    const kept = statuses.reduce((sum, status) => sum + status.kept, 0);
    emit({ event: "manifest", digest, blobs: statuses.length, size, kept });
    const space = spaceFor(statuses, store.free());
    if (settings.dryRun) {
      emit({ event: "dry_run", result: dryRun(name, manifest, statuses, space) });
      return undefined;
    }
    if (!settings.force) requireSpace(space, statuses, store.largestFile());
    const waiting = (holder: string | undefined) =>
      emit({ event: "lock_wait", digest: undefined, holder });
    await using session = await store.enter(ended.signal, waiting, wishOf(stored, statuses));
    const plan = {
      ...settings,
      ...connection,
      session,
      pause,
      fail: (why: unknown) => ended.abort(why),
    };
    await fetchAndCommit(plan, stored, manifest, statuses);
    const summary: Summary = {
      name,
      digest,
      blobs: statuses.length,
      size,
      fetched,
      elapsedMs: clock.now() - began,
    };
    emit({ event: "pull_completed", summary });
    return summary;
  } catch (error) {
    const interrupted = stop.soft.aborted && error === stop.soft.reason;
    if (!interrupted) throw await withCleanHint(error, store, blobs);
    const kept = (await store.survey(blobs)).reduce((sum, status) => sum + status.kept, 0);
    emit({ event: "pull_interrupted", name, kept, size: sizeOf(blobs) });
    if (error instanceof PullamaError && error.kind === "interrupted") throw error;
    throw new PullamaError("interrupted", "stopped before the end", { cause: error });
  } finally {
    stop.soft.removeEventListener("abort", onStop);
  }
}

function getManifest(tools: ConnectionTools, pause: Pause): Promise<Manifest> {
  const { source, name, signal } = tools;
  const what = { digest: undefined, needed: 0 };
  return withPatience(tools, pause, what, () => source.manifest(name, signal));
}

/** Blobs may vanish while the model is stored: somebody removes another model that shares them. */
async function fetchAndCommit(
  tools: TransferTools,
  stored: ModelName,
  manifest: Manifest,
  statuses: readonly BlobStatus[],
): Promise<void> {
  const { session, emit } = tools;
  const refs = new Map<string, BlobRef>();
  let needed = statuses.map(({ blob, state }, i): NeededBlob => {
    const { digest, size } = blob;
    const ref = { digest, size, index: i + 1, count: statuses.length };
    refs.set(digest, ref);
    return { ref, blob, state };
  });
  for (let round = 1;; round++) {
    await transfer(tools, needed);
    const vanished = await session.commit(stored, manifest);
    if (vanished.length === 0) break;
    if (round === MOST_COMMITS) {
      throw new PullamaError(
        "local",
        `blobs of the model were removed from the models folder ${round} times while it was stored`,
        { hint: "see which other program removes models, then run the same command again" },
      );
    }
    for (const { digest, size } of vanished) {
      emit({
        event: "bytes_lost",
        digest,
        count: size,
        reason: "another program removed the blob",
      });
    }
    needed = vanished.map((blob) => ({ ref: refs.get(blob.digest)!, blob, state: "missing" }));
  }
  emit({ event: "manifest_written", digest: manifest.digest });
}

/** What is not there. */
function wishOf(name: ModelName, statuses: readonly BlobStatus[]): PullIntent {
  const missing = statuses.filter(({ state }) => state === "missing");
  return { name, digests: new Set(missing.map(({ blob }) => blob.digest)) };
}

function dryRun(
  name: ModelName,
  { digest }: Manifest,
  statuses: readonly BlobStatus[],
  { toFetch, free, short }: SpaceNeeded,
): DryRun {
  const size = sizeOf(statuses.map(({ blob }) => blob));
  return {
    name,
    digest,
    size,
    cached: size - toFetch,
    toFetch,
    free,
    fits: short === 0,
    blobs: statuses.map(({ blob: { digest, size, mediaType }, kept }) => ({
      digest,
      size,
      mediaType,
      cached: kept,
    })),
  };
}

function sizeOf(blobs: readonly Descriptor[]): number {
  return blobs.reduce((sum, { size }) => sum + size, 0);
}
