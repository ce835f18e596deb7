/** One pull from beginning to end: a model of a Source becomes a model of a Store. */

import { PullamaError } from "../core/errors.ts";
import type { BlobRef, DryRun, Emit, Summary } from "../core/events.ts";
import { type Descriptor, distinctBlobs, type Manifest } from "../core/manifest.ts";
import type { ModelName } from "../core/name.ts";
import type { Stop } from "../core/stop.ts";
import { formatSize } from "../core/units.ts";
import { RateLimit } from "../io/limit.ts";
import { StallWatch } from "../io/stall.ts";
import { type Clock, systemClock } from "./clock.ts";
import { Outage, Pause, withPatience } from "./patience.ts";
import type { Source, Standing, Store, Wish } from "./ports.ts";
import type { ConnectionTools } from "./request.ts";
import { transfer, type TransferTools, type Wanted } from "./transfer.ts";

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

/** Room that is left for everything else on the disk. */
export const MARGIN: number = 64 * 1024 * 1024;
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
    const standings = await store.survey(blobs);
    const size = sizeOf(blobs);
    const { digest } = manifest;
    const kept = standings.reduce((sum, standing) => sum + standing.kept, 0);
    emit({ event: "manifest", digest, blobs: standings.length, size, kept });
    const room = roomFor(standings, store.free());
    if (settings.dryRun) {
      emit({ event: "dry_run", result: dryRun(name, manifest, standings, room) });
      return undefined;
    }
    if (!settings.force) requireRoom(room, standings, store.largestFile());
    const waiting = (holder: string | undefined) =>
      emit({ event: "lock_wait", digest: undefined, holder });
    await using session = await store.enter(ended.signal, waiting, wishOf(stored, standings));
    const work = {
      ...settings,
      ...connection,
      session,
      pause,
      fail: (why: unknown) => ended.abort(why),
    };
    await fetchAndCommit(work, stored, manifest, standings);
    const summary: Summary = {
      name,
      digest,
      blobs: standings.length,
      size,
      fetched,
      elapsedMs: clock.now() - began,
    };
    emit({ event: "pull_completed", summary });
    return summary;
  } catch (error) {
    const interrupted = stop.soft.aborted && error === stop.soft.reason;
    if (!interrupted) throw await withLeftovers(error, store, blobs);
    const kept = (await store.survey(blobs)).reduce((sum, standing) => sum + standing.kept, 0);
    emit({ event: "pull_interrupted", name, kept, size: sizeOf(blobs) });
    if (error instanceof PullamaError && error.kind === "interrupted") throw error;
    throw new PullamaError("interrupted", "stopped before the end", { cause: error });
  } finally {
    stop.soft.removeEventListener("abort", onStop);
  }
}

function getManifest(tools: ConnectionTools, pause: Pause): Promise<Manifest> {
  const { source, name, signal } = tools;
  const what = { digest: undefined, wanted: 0 };
  return withPatience(tools, pause, what, () => source.manifest(name, signal));
}

/** Blobs may vanish while the model is stored: somebody removes another model that shares them. */
async function fetchAndCommit(
  tools: TransferTools,
  stored: ModelName,
  manifest: Manifest,
  standings: readonly Standing[],
): Promise<void> {
  const { session, emit } = tools;
  const refs = new Map<string, BlobRef>();
  let wanted = standings.map(({ blob, state }, i): Wanted => {
    const { digest, size } = blob;
    const ref = { digest, size, index: i + 1, count: standings.length };
    refs.set(digest, ref);
    return { ref, blob, state };
  });
  for (let round = 1;; round++) {
    await transfer(tools, wanted);
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
    wanted = vanished.map((blob) => ({ ref: refs.get(blob.digest)!, blob, state: "missing" }));
  }
  emit({ event: "manifest_written", digest: manifest.digest });
}

interface Room {
  readonly toFetch: number;
  readonly free: number | undefined;
  /** Bytes that there are too few; 0: it fits. */
  readonly short: number;
}

function roomFor(standings: readonly Standing[], free: number | undefined): Room {
  const toFetch = standings.reduce((sum, { blob, kept }) => sum + blob.size - kept, 0);
  const needed = toFetch === 0 ? 0 : toFetch + MARGIN;
  return { toFetch, free, short: free === undefined ? 0 : Math.max(0, needed - free) };
}

/** Throws `disk_full` where the model does not fit, or one of its blobs is a file that cannot be. */
function requireRoom(
  { toFetch, free = 0, short }: Room,
  standings: readonly Standing[],
  largest = Infinity,
): void {
  const large = standings.find(({ blob, state }) => state === "missing" && blob.size > largest);
  if (large) {
    throw new PullamaError(
      "disk_full",
      `the file system takes no file of ${formatSize(large.blob.size)}, as one of the blobs is`,
      { hint: "choose a folder on another file system with --models-dir" },
    );
  }
  if (short === 0) return;
  throw new PullamaError(
    "disk_full",
    `the disk is too small: ${formatSize(toFetch)} are to be fetched and ${
      formatSize(free)
    } are free, ` +
      `${formatSize(short)} are missing with ${formatSize(MARGIN)} to spare`,
    { hint: "free some space, choose another --models-dir, or try all the same with --force" },
  );
}

/** A full disk is answered with what is missing, and with what removing leftovers would bring, and cost. */
async function withLeftovers(
  error: unknown,
  store: Store,
  blobs: readonly Descriptor[],
): Promise<unknown> {
  if (!(error instanceof PullamaError) || error.kind !== "disk_full") return error;
  const message = await withMissing(error, store, blobs);
  const left = await store.leftovers(blobs).catch(() => undefined);
  if (!left) return error;
  const drops = left.own === 0
    ? ""
    : `, but drop this download too (${formatSize(left.own)} that are here)`;
  const frees = left.others === 0
    ? "nothing of other models"
    : `${formatSize(left.others)} that pulls of other models have left`;
  const clean = `pullama clean would free ${frees}${drops}`;
  return new PullamaError("disk_full", message, {
    hint: error.hint === undefined ? clean : `${error.hint}; ${clean}`,
    cause: error,
  });
}

/** Of a disk that was full on the way, which only says which file could not be written. */
async function withMissing(
  { message, cause }: PullamaError,
  store: Store,
  blobs: readonly Descriptor[],
): Promise<string> {
  if (cause === undefined) return message;
  const standings = await store.survey(blobs).catch(() => []);
  const { toFetch, free, short } = roomFor(standings, store.free());
  if (toFetch === 0 || free === undefined) return message;
  return `${message}; ${formatSize(toFetch)} are still to be fetched and ${formatSize(free)} are ` +
    `free, ${formatSize(short)} are missing`;
}

/** What is not there. */
function wishOf(name: ModelName, standings: readonly Standing[]): Wish {
  const missing = standings.filter(({ state }) => state === "missing");
  return { name, digests: new Set(missing.map(({ blob }) => blob.digest)) };
}

function dryRun(
  name: ModelName,
  { digest }: Manifest,
  standings: readonly Standing[],
  { toFetch, free, short }: Room,
): DryRun {
  const size = sizeOf(standings.map(({ blob }) => blob));
  return {
    name,
    digest,
    size,
    cached: size - toFetch,
    toFetch,
    free,
    fits: short === 0,
    blobs: standings.map(({ blob: { digest, size, mediaType }, kept }) => ({
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
