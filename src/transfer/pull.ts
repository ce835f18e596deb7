/** One pull from beginning to end: a model of a Source becomes a model of a Store. */

import type { BlobStatus, Session, Source, Store } from "../core/content.ts";
import { asPullamaError, PullamaError } from "../core/errors.ts";
import type { BlobRef, Emit, Summary } from "../core/events.ts";
import { assertModel, type Descriptor, distinctBlobs, type Manifest } from "../core/manifest.ts";
import type { ModelName } from "../core/name.ts";
import type { Stop } from "../core/stop.ts";
import { FollowingController } from "../io/abort.ts";
import { type Clock, systemClock } from "../io/clock.ts";
import { RateLimit, steadyPace } from "../io/limit.ts";
import { StallWatch } from "../io/stall.ts";
import { dryRun, intentOf, keptOf, sizeOf } from "./amounts.ts";
import type { RetryPolicy } from "./retry/backoff.ts";
import type { PullContext } from "./context.ts";
import { CountsByHost } from "./traffic/counts_by_host.ts";
import { Fetcher } from "./traffic/fetcher.ts";
import { Retrier } from "./retry/retrier.ts";
import type { NeededBlob } from "./opening.ts";
import type { SchedulerLimits } from "./limits.ts";
import { requireSame, wordOf } from "./sources/word.ts";
import { Scheduler } from "./scheduler.ts";
import { type PullPace, tellOf } from "./pace.ts";
import { requireSpace, spaceFor, withCleanHint } from "./space.ts";

export interface PullSettings extends SchedulerLimits, RetryPolicy {
  /** Longest time of one request for a range, in milliseconds. */
  readonly timeoutMs: number;
  /** Pull although the disk seems too small, or the manifest is not that of a model. */
  readonly force: boolean;
  readonly dryRun: boolean;
}

export interface PullTools {
  readonly source: Source;
  readonly store: Store;
  readonly settings: PullSettings;
  readonly stop: Stop;
  readonly emit: Emit;
  /** Shared by the pulls of a process. */
  readonly counts?: CountsByHost;
  /** How fast; default as fast as it gets. */
  readonly pace?: PullPace;
  readonly clock?: Clock;
  readonly watch?: StallWatch;
  /** The sources that blobs are requested from, in this order, for people; absent: only the registry. */
  readonly order?: readonly string[];
}

/** How often blobs that another program removes are downloaded again while the model is being stored. */
const MOST_COMMITS = 3;

/**
 * Pulls a model. Resolves with nothing after a dry run. Rejects with a PullamaError; kind `interrupted`
 * after `stop`, when everything that was received is kept.
 */
export async function pullModel(name: ModelName, tools: PullTools): Promise<Summary | undefined> {
  const { source, store, settings, stop, emit, clock = systemClock } = tools;
  const { watch = new StallWatch(), counts: known = new CountsByHost() } = tools;
  const began = clock.now();
  using ended = new FollowingController(stop.soft);
  const context: PullContext = { signal: ended.signal, emit, clock };
  const pace: PullPace = tools.pace ?? steadyPace(undefined);
  const { timeoutMs } = settings;
  const fetcher = new Fetcher({
    source,
    name,
    watch,
    limit: new RateLimit(pace, clock),
    timeoutMs,
  }, context);
  // The user may want it to be slow.
  const slowest = Math.min(watch.limits.slowest, (pace.rate ?? Infinity) / 2);
  const limits = { ...watch.limits, slowest };
  const retrier = new Retrier(settings, context, { received: () => fetcher.received, limits });
  let blobs: readonly Descriptor[] = [];
  try {
    emit({ event: "pull_start", name });
    const manifest = await retrier.run(
      { digest: undefined, needed: 0, signal: ended.signal },
      () => fetcher.manifest(),
    );
    if (!settings.force) assertModel(manifest);
    const stored = await store.spelling(name);
    blobs = distinctBlobs(manifest);
    const statuses = await store.survey(blobs);
    const size = sizeOf(blobs);
    const { digest } = manifest;
    const installed = await store.installed(stored);
    if (manifest.from && name.digest === undefined) {
      emit({ event: "warning", ...wordOf(manifest.from, name) });
      if (!settings.force) requireSame(manifest, installed, manifest.from);
    }
    emit({
      event: "manifest",
      digest,
      blobs: statuses.length,
      size,
      kept: keptOf(statuses),
      ...(installed !== undefined && installed !== digest && { replaces: installed }),
      ...(manifest.from && { from: manifest.from.url }),
    });
    const room = await store.room();
    const space = spaceFor(statuses, room);
    if (settings.dryRun) {
      emit({ event: "dry_run", result: dryRun(name, manifest, statuses, space, tools.order) });
      return undefined;
    }
    if (!settings.force) requireSpace(space, statuses, room.largestFile);
    using _told = tellOf(pace, emit);
    const waiting = (holder: string | undefined) =>
      emit({ event: "lock_wait", digest: undefined, holder });
    {
      await using session = await store.enter(
        ended.signal,
        waiting,
        intentOf(stored, statuses, pace),
      );
      const fail = (error: unknown) => ended.abort(error);
      const counts = known.take(name.host, fetcher.roundTripMs);
      const limits = settings;
      const parts = { session, fetcher, retrier, counts, limits, pace, context, fail };
      try {
        await downloadAndCommit(new Scheduler(parts), session, emit, stored, manifest, statuses);
      } finally {
        known.giveBack(name.host, counts);
      }
    }
    const freed = await dropReplaced(store, emit);
    const summary: Summary = {
      name,
      digest,
      blobs: statuses.length,
      size,
      fetched: fetcher.received,
      ...(fetcher.receivedFrom.size > 0 &&
        { fetchedFrom: Object.fromEntries(fetcher.receivedFrom) }),
      ...(freed > 0 && { freed }),
      elapsedMs: clock.now() - began,
    };
    emit({ event: "pull_completed", summary });
    return summary;
  } catch (error) {
    const interrupted = stop.soft.aborted && error === stop.soft.reason;
    if (!interrupted) throw await withCleanHint(error, store, blobs);
    const kept = keptOf(await store.survey(blobs));
    emit({ event: "pull_interrupted", name, kept, size: sizeOf(blobs) });
    if (error instanceof PullamaError && error.kind === "interrupted") throw error;
    throw new PullamaError("interrupted", "the pull was interrupted", { cause: error });
  }
}

/** The model is stored: whatever keeps this from succeeding is no failure of the pull. */
async function dropReplaced(store: Store, emit: Emit): Promise<number> {
  try {
    return await store.dropReplaced();
  } catch (error) {
    const { message } = asPullamaError(error);
    emit({ event: "note", message: `blobs of the replaced model are kept: ${message}` });
    return 0;
  }
}

/** Blobs may be removed while the model is stored: by the removal of another model that shares them. */
async function downloadAndCommit(
  scheduler: Scheduler,
  session: Session,
  emit: Emit,
  stored: ModelName,
  manifest: Manifest,
  statuses: readonly BlobStatus[],
): Promise<void> {
  const refs = new Map<string, BlobRef>();
  let needed = statuses.map(({ blob, state }, i): NeededBlob => {
    const { digest, size } = blob;
    const ref = { digest, size, index: i + 1, count: statuses.length };
    refs.set(digest, ref);
    return { ref, blob, state };
  });
  for (let round = 1;; round++) {
    await scheduler.run(needed);
    const removed = await session.commit(stored, manifest);
    if (removed.length === 0) break;
    if (round === MOST_COMMITS) {
      throw new PullamaError(
        "local",
        `another program removed blobs of the model ${round} times while it was being stored`,
        { hint: "find out which program removes models, then run the same command again" },
      );
    }
    for (const { digest, size } of removed) {
      const reason = "another program removed the blob";
      emit({ event: "bytes_lost", digest, count: size, reason });
    }
    needed = removed.map((blob) => ({ ref: refs.get(blob.digest)!, blob, state: "missing" }));
  }
  emit({ event: "manifest_written", digest: manifest.digest });
}
