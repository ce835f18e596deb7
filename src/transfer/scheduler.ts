/** Downloads the blobs of one model: shares them out among all connections until every one is sealed. */

import type { Session } from "../core/content.ts";
import type { PullamaError } from "../core/errors.ts";
import { onAbort } from "../io/abort.ts";
import type { Pace } from "../io/limit.ts";
import { Checkpoints } from "./checkpoints.ts";
import type { PullContext } from "./context.ts";
import type { SchedulerLimits } from "./limits.ts";
import { lookForChunks, type NeededBlob, type OpeningTools, openLarge } from "./opening.ts";
import type { Retrier } from "./retry/retrier.ts";
import { Sealing } from "./sealing.ts";
import { SMALL, SmallBlobs } from "./small_blobs.ts";
import { Tasks } from "./tasks.ts";
import { Connection } from "./traffic/connection.ts";
import type { ConnectionTools } from "./traffic/connection_tools.ts";
import { SmallConnection } from "./traffic/small_connection.ts";
import type { HostCounts } from "./traffic/counts_by_host.ts";
import type { Fetcher } from "./traffic/fetcher.ts";
import { Traffic, type Work } from "./traffic/traffic.ts";
import type { Assignment, BlobPlan } from "./work/blob_plan.ts";
import { pieceLength } from "./work/piece_length.ts";
import { reliefFor } from "./work/relief.ts";

/** Unfinished blobs at a time: each has about four open files, and systems allow as few as 256. */
const MOST_OPEN = 24;

export interface SchedulerTools {
  readonly session: Session;
  readonly fetcher: Fetcher;
  readonly retrier: Retrier;
  readonly counts: HostCounts;
  readonly limits: SchedulerLimits;
  readonly pace: Pace;
  readonly context: PullContext;
  /** Ends the pull, and with it the signal of `context`, when one part of it has failed for good. */
  readonly fail: (error: unknown) => void;
}

export class Scheduler {
  /** Blobs that are not opened yet. */
  #pending: NeededBlob[] = [];
  #plans: BlobPlan[] = [];
  readonly #downloads = new Set<Promise<void>>();
  /** Downloads, and blobs that are being opened, waited for or sealed. */
  readonly #tasks: Tasks;
  #opening = false;
  #changed = Promise.withResolvers<void>();
  readonly #idle: Connection[] = [];
  readonly #sealing: Sealing;
  readonly #tools: OpeningTools;
  #traffic!: Traffic;
  #small!: SmallBlobs;

  constructor(private readonly tools: SchedulerTools) {
    const { session, fetcher, context, limits, fail } = tools;
    this.#tasks = new Tasks(context.signal, fail, () => this.#wake());
    this.#sealing = new Sealing(fetcher, context);
    this.#tools = { session, fetcher, context, ...limits };
  }

  /** Downloads what is missing of `needed`, which is sorted by size. Rejects with the first failure. */
  async run(needed: readonly NeededBlob[]): Promise<void> {
    const { signal } = this.tools.context;
    const small = needed.filter(({ blob }) => blob.size < SMALL);
    this.#pending = needed.slice(small.length);
    using _checkpoints = new Checkpoints(() => this.#plans, this.#tasks, this.tools.context);
    using traffic = new Traffic(
      this.tools.limits.connections,
      this.tools.counts,
      this.tools.fetcher,
      this.tools.context,
      () => this.#work(),
      () => this.#wake(),
    );
    this.#traffic = traffic;
    this.#small = new SmallBlobs({
      ...this.#tools,
      pace: this.tools.pace,
      traffic,
      tasks: this.#tasks,
      downloads: this.#downloads,
      connect: () => new SmallConnection(this.#connecting("small")),
      changed: () => this.#wake(),
    }, small);
    try {
      using _listener = onAbort(signal, () => this.#wake());
      using _pace = this.tools.pace.onChange(() => this.#keepPace());
      while (!signal.aborted && !this.#finished) {
        const changed = this.#changed.promise;
        this.#dispatch();
        await changed;
      }
    } finally {
      await Promise.all(this.#downloads);
      await this.#keepUnfinished();
    }
    this.#tasks.throwIfFailed();
    signal.throwIfAborted();
  }

  get #finished(): boolean {
    return this.#pending.length === 0 && this.#small.left === 0 && this.#plans.length === 0 &&
      this.#tasks.none;
  }

  /** When no bytes may be requested, the connections give their ranges back. */
  #keepPace(): void {
    if (!this.tools.pace.open) { for (const plan of this.#plans) plan.pause(); }
    this.#wake();
  }

  /** Gives work to as many connections as are wanted. */
  #dispatch(): void {
    this.#openMore();
    // Large blobs first, which get the connection of the manifest; a given number serves small ones first.
    const given = this.tools.limits.connections !== undefined;
    if (given) this.#small.dispatch();
    this.#dispatchRanges();
    if (!given) this.#small.dispatch();
  }

  #dispatchRanges(): void {
    const { serving } = this.#traffic;
    while (serving.size < this.#traffic.wanted) {
      const connection = this.#idle.pop() ??
        new Connection(this.#connecting("range"), serving.size);
      const assignment = this.#assign(connection);
      if (!assignment) {
        this.#idle.push(connection);
        break;
      }
      this.#serve(connection, assignment);
    }
  }

  #connecting(of: "range" | "small"): ConnectionTools {
    const { fetcher, retrier, context } = this.tools;
    const refused = (error: PullamaError, bytes: number) => this.#traffic.refused(error, bytes, of);
    return { fetcher, retrier, context, responded: () => this.#wake(), refused };
  }

  #serve(connection: Connection, first: Assignment): void {
    const { serving } = this.#traffic;
    serving.add(connection);
    const next = () => serving.size > this.#traffic.wanted ? undefined : this.#assign(connection);
    const ended = ({ plan }: Assignment) => {
      if (plan.done && !this.tools.context.signal.aborted) this.#seal(plan);
      this.#wake();
    };
    const served = connection.run(first, next, ended).finally(() => {
      serving.delete(connection);
      this.#idle.push(connection);
    });
    this.#tasks.add(served, this.#downloads);
  }

  #assign(connection: Connection): Assignment | undefined {
    const { signal } = this.tools.context;
    if (signal.aborted || !this.tools.pace.open) return undefined;
    const { window, perBlob } = this.tools.limits;
    const open = this.#plans.filter(({ assignments }) => assignments.size < perBlob);
    const rate = connection.rate || this.#traffic.usualRate;
    const { roundTripMs } = this.tools.fetcher;
    const length = pieceLength({
      rate,
      roundTripMs,
      window,
      limitRate: this.tools.fetcher.limitRate,
      connections: this.tools.limits.connections ?? this.#traffic.wanted,
      left: this.#pending.length > 0 ? Infinity : open.reduce((sum, { left }) => sum + left, 0),
    });
    for (const plan of open) {
      const assignment = plan.take(length, connection);
      if (assignment) return assignment;
    }
    if (this.#opening || this.tools.limits.connections === 1) return undefined;
    const others = open.flatMap(({ relievable }) => relievable);
    const relief = reliefFor(others, { helper: connection, rate, roundTripMs });
    return relief?.of.plan.relieve(relief, connection);
  }

  /** Opens blobs ahead, one at a time, while there is not enough to do for all connections. */
  #openMore(): void {
    if (this.#opening || this.#sealing.full || this.#plans.length >= MOST_OPEN) return;
    if (this.#left >= this.tools.limits.window) return;
    const next = this.#pending.shift();
    if (next) this.#open(next);
  }

  #open(needed: NeededBlob): void {
    this.#opening = true;
    // One that has to be waited for keeps no other from being opened.
    const opened = () => {
      this.#opening = false;
      this.#wake();
    };
    const on = { waiting: opened, lost: () => this.#wake() };
    const plan = openLarge(this.#tools, needed, on).then((plan) => {
      if (!plan) return;
      this.#plans.push(plan);
      this.#tasks.add(lookForChunks(this.#tools, plan));
      if (plan.done) this.#seal(plan);
    });
    this.#tasks.add(plan.finally(opened));
  }

  /** Bytes of open blobs that no connection has. */
  get #left(): number {
    return this.#plans.reduce((sum, plan) => sum + plan.left, 0);
  }

  #work(): Work {
    const { serving, wanted, small, wantedSmall } = this.#traffic;
    const pending = this.#pending.reduce((sum, { blob }) => sum + blob.size, 0);
    return {
      left: this.#left + pending + this.#plans.reduce((sum, { assigned }) => sum + assigned, 0),
      busy: serving.size > 0 && serving.size >= wanted,
      smallLeft: this.#small.left,
      smallBusy: small > 0 && small >= wantedSmall,
    };
  }

  #seal(plan: BlobPlan): void {
    if (plan.sealing) return;
    const sealed = this.#sealing.seal(plan).then((sealed) => {
      if (sealed) this.#plans = this.#plans.filter((other) => other !== plan);
      else if (plan.done && !this.tools.context.signal.aborted) this.#seal(plan);
    });
    this.#tasks.add(sealed);
  }

  /** Brings everything that is not finished to disk. What is still being verified is not waited for. */
  async #keepUnfinished(): Promise<void> {
    do {
      const open = this.#plans;
      this.#plans = [];
      await Promise.all(
        open.map((plan) => this.#tasks.guard(async () => await plan.ingest[Symbol.asyncDispose]())),
      );
      // A blob that was just being opened is added to the others.
      await this.#tasks.ended();
    } while (this.#plans.length > 0);
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
