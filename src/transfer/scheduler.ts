/** Downloads the blobs of one model: shares them out among all connections until every one is sealed. */

import type { Session } from "../core/content.ts";
import type { BlobRef } from "../core/events.ts";
import type { Descriptor } from "../core/manifest.ts";
import { tile } from "../core/ranges.ts";
import { onAbort } from "../io/abort.ts";
import { type Assignment, BlobPlan } from "./blob_plan.ts";
import { BlobReports } from "./blob_reports.ts";
import { Connection } from "./connection.ts";
import type { PullContext } from "./context.ts";
import type { Fetcher } from "./fetcher.ts";
import type { Retrier } from "./retrier.ts";
import { Sealing } from "./sealing.ts";
import { fetchSmall } from "./small_blob.ts";

const MIB = 1024 * 1024;
/**
 * Blobs below this are downloaded into memory and stored in one step: a kill costs no more than that. Larger ones
 * are resumed at the byte.
 */
const SMALL = MIB;
const CHECKPOINT_MS = 2000;

export interface SchedulerLimits {
  /** Parallel connections, 1 or more. */
  readonly connections: number;
  /** Of those, how many may write to one blob. */
  readonly perBlob: number;
  /** Bytes of a chunk where the registry gives none. */
  readonly chunkSize: number;
}

/** A blob that the model needs; whether it must be downloaded is found out when its turn comes. */
export interface NeededBlob {
  readonly ref: BlobRef;
  readonly blob: Descriptor;
  readonly state: "present" | "unproven" | "missing";
}

export class Scheduler {
  #pending: NeededBlob[] = [];
  #small: NeededBlob[] = [];
  #plans: BlobPlan[] = [];
  /** Blobs that are being opened, waited for or sealed. */
  #busy = new Set<Promise<void>>();
  #inSmall = 0;
  #opening = false;
  #changed = Promise.withResolvers<void>();
  #failure: { readonly error: unknown } | undefined;
  readonly #sealing: Sealing;

  /** `fail` ends the pull, and with it the signal of `context`, when one part of it has failed for good. */
  constructor(
    private readonly session: Session,
    private readonly fetcher: Fetcher,
    private readonly retrier: Retrier,
    private readonly limits: SchedulerLimits,
    private readonly context: PullContext,
    private readonly fail: (error: unknown) => void,
  ) {
    this.#sealing = new Sealing(fetcher, context);
  }

  /** Downloads what is missing of `needed`, which is sorted by size. Rejects with the first failure. */
  async run(needed: readonly NeededBlob[]): Promise<void> {
    const { signal } = this.context;
    this.#pending = [...needed];
    const timer = setInterval(() => this.#checkpoints(), CHECKPOINT_MS);
    try {
      using _listener = onAbort(signal, () => this.#wake());
      await Promise.all(
        Array.from({ length: this.limits.connections }, () => this.#guard(() => this.#work())),
      );
    } finally {
      clearInterval(timer);
      await this.#keepUnfinished();
    }
    if (this.#failure) throw this.#failure.error;
    signal.throwIfAborted();
  }

  /** One connection, from the first blob to the last. */
  async #work(): Promise<void> {
    const { signal } = this.context;
    const connection = new Connection(this.fetcher, this.retrier, this.context);
    while (!signal.aborted && !this.#finished) {
      this.#openMore();
      const small = this.#small.shift();
      if (small) {
        await this.#fetchSmall(connection, small);
        continue;
      }
      const assignment = this.#assign();
      if (assignment) {
        await connection.download(assignment);
        if (assignment.plan.done) this.#seal(assignment.plan);
        this.#wake();
      } else await this.#changed.promise;
    }
  }

  get #finished(): boolean {
    return this.#pending.length === 0 && this.#small.length === 0 && this.#inSmall === 0 &&
      this.#plans.length === 0 && this.#busy.size === 0;
  }

  #assign(): Assignment | undefined {
    const { connections, perBlob } = this.limits;
    const now = this.context.clock.now();
    const open = this.#plans.filter(({ assignments }) => assignments.size < perBlob);
    const left = open.reduce((sum, plan) => sum + plan.left, 0);
    const share = this.#pending.length > 0 ? Infinity : left / (2 * connections);
    for (const plan of open) {
      const assignment = plan.take(share, now);
      if (assignment) return assignment;
    }
    if (this.#pending.length > 0 || connections === 1) return undefined;
    for (const plan of open) {
      const assignment = plan.share(now);
      if (assignment) return assignment;
    }
    return undefined;
  }

  /** Opens blobs ahead, one at a time, while there is not enough to do for all connections. */
  #openMore(): void {
    const { connections, chunkSize } = this.limits;
    if (this.#opening || this.context.signal.aborted || this.#sealing.full) return;
    const left = this.#plans.reduce((sum, plan) => sum + plan.left, 0);
    if (this.#small.length >= connections || left >= connections * chunkSize) return;
    const next = this.#pending.shift();
    if (!next) return;
    this.#opening = true;
    const opened = () => {
      this.#opening = false;
      this.#wake();
    };
    this.#track(this.#open(next, opened).finally(opened));
  }

  /** `parked` is called when the blob has to be waited for, so that others are opened meanwhile. */
  async #open(needed: NeededBlob, parked: () => void): Promise<void> {
    const { session, fetcher, context } = this;
    const { signal, emit } = context;
    const { blob, ref, state } = needed;
    if (state === "present") return emit({ event: "blob_cached", blob: ref });
    const on = { waiting: parked, lost: () => this.#wake() };
    const reports = new BlobReports(blob, fetcher, context, on);
    if (blob.size < SMALL) {
      const here = state === "unproven" && await session.verifyOrQuarantine(blob, signal, reports);
      if (here) emit({ event: "blob_cached", blob: ref });
      else this.#small.push(needed);
      return;
    }
    const ingest = await session.ingest(blob, signal, reports);
    if (!ingest) return emit({ event: "blob_cached", blob: ref });
    try {
      const chunks = await fetcher.chunksums(blob) ?? tile(blob.size, this.limits.chunkSize);
      emit({ event: "blob_start", blob: ref, kept: ingest.kept() });
      reports.plan = new BlobPlan(ref, blob, ingest, chunks, context.clock.now());
      this.#plans.push(reports.plan);
    } finally {
      if (!reports.plan) await ingest[Symbol.asyncDispose]();
    }
    if (reports.plan.done) this.#seal(reports.plan);
  }

  async #fetchSmall(connection: Connection, needed: NeededBlob): Promise<void> {
    const { session, fetcher, context } = this;
    this.#inSmall++;
    try {
      await fetchSmall({ session, fetcher, connection, context }, needed);
    } finally {
      this.#inSmall--;
      this.#wake();
    }
  }

  #seal(plan: BlobPlan): void {
    if (plan.sealing) return;
    const sealed = this.#sealing.seal(plan).then((sealed) => {
      if (sealed) this.#plans = this.#plans.filter((other) => other !== plan);
      else if (plan.done && !this.context.signal.aborted) this.#seal(plan);
    });
    this.#track(sealed);
  }

  #checkpoints(): void {
    for (const plan of this.#plans) {
      // A slow disk finishes one before the next is begun.
      if (!plan.saving) this.#track(this.#checkpoint(plan));
    }
  }

  async #checkpoint(plan: BlobPlan): Promise<void> {
    plan.saving = true;
    try {
      const proven = await plan.ingest.checkpoint();
      if (!this.#plans.includes(plan)) return;
      this.context.emit({ event: "checkpoint", digest: plan.blob.digest, proven });
    } finally {
      plan.saving = false;
    }
  }

  /** Brings everything that is not finished to disk. What is still being verified is not waited for. */
  async #keepUnfinished(): Promise<void> {
    do {
      const open = this.#plans;
      this.#plans = [];
      await Promise.all(
        open.map((plan) => this.#guard(async () => await plan.ingest[Symbol.asyncDispose]())),
      );
      // A blob that was just being opened is added to the others.
      await Promise.all(this.#busy);
    } while (this.#plans.length > 0);
  }

  #track(task: Promise<void>): void {
    const tracked = this.#guard(() => task).finally(() => {
      this.#busy.delete(tracked);
      this.#wake();
    });
    this.#busy.add(tracked);
  }

  /** The first failure ends everything, and is what `run` rejects with. */
  async #guard(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      const { signal } = this.context;
      if (!this.#failure && !(signal.aborted && error === signal.reason)) {
        this.#failure = { error };
        this.fail(error);
      }
      this.#wake();
    }
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
