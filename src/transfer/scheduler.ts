/** Fetching the blobs of one model: all connections, all blobs, until every one is sealed. */

import { PullamaError } from "../core/errors.ts";
import type { BlobRef, Emit } from "../core/events.ts";
import type { Descriptor } from "../core/manifest.ts";
import { tile } from "../core/ranges.ts";
import { fetchJob } from "./connection.ts";
import { ConnectionBuffers } from "./buffers.ts";
import type { Pause } from "./retrier.ts";
import type { BlobWatcher, Session } from "../core/content.ts";
import type { ConnectionTools } from "./fetcher.ts";
import { fetchSmall } from "./small_blob.ts";
import { type Assignment, BlobPlan } from "./blob_plan.ts";
import { planRepair, wrongChunkList } from "./repair.ts";

const MIB = 1024 * 1024;
/**
 * Blobs below this are held in memory and stored at once: a kill costs no more than that. Larger ones are
 * resumed at the byte.
 */
const SMALL = MIB;
const CHECKPOINT_MS = 2000;
/** Finished blobs that are still being compared; more are not begun meanwhile. */
const MOST_SEALING = 16;

export interface TransferTools extends ConnectionTools {
  readonly session: Session;
  readonly pause: Pause;
  readonly connections: number;
  /** Connections that may write to one blob at a time. */
  readonly perBlob: number;
  readonly chunkSize: number;
  /** Ends the transfer from within, when one part of it has failed for good. */
  readonly fail: (error: unknown) => void;
}

/** A blob to have; whether it must be fetched is found out when its turn comes. */
export interface NeededBlob {
  readonly ref: BlobRef;
  readonly blob: Descriptor;
  readonly state: "present" | "unproven" | "missing";
}

/** Fetches what is missing of `wanted`, which is sorted by size. Rejects with the first failure. */
export async function transfer(tools: TransferTools, needed: readonly NeededBlob[]): Promise<void> {
  await new Transfer(tools, needed).run();
}

class Transfer {
  #emit: Emit;
  #pending: NeededBlob[];
  #small: NeededBlob[] = [];
  #works: BlobPlan[] = [];
  /** Blobs that are being opened, waited for or sealed. */
  #busy = new Set<Promise<void>>();
  #sealing = 0;
  #inSmall = 0;
  #opening = false;
  #changed = Promise.withResolvers<void>();
  #failure: { readonly error: unknown } | undefined;

  constructor(private readonly tools: TransferTools, needed: readonly NeededBlob[]) {
    this.#emit = tools.emit;
    this.#pending = [...needed];
  }

  async run(): Promise<void> {
    const { signal, connections } = this.tools;
    const wake = () => this.#wake();
    signal.addEventListener("abort", wake, { once: true });
    const timer = setInterval(() => this.#checkpoints(), CHECKPOINT_MS);
    try {
      await Promise.all(
        Array.from({ length: connections }, () => this.#guard(() => this.#connection())),
      );
    } finally {
      clearInterval(timer);
      signal.removeEventListener("abort", wake);
      await this.#keepUnfinished();
    }
    if (this.#failure) throw this.#failure.error;
    signal.throwIfAborted();
  }

  async #connection(): Promise<void> {
    const { signal, pause } = this.tools;
    const tools: TransferTools = { ...this.tools, memory: new ConnectionBuffers() };
    while (!signal.aborted && !this.#finished) {
      this.#openMore();
      const small = this.#small.shift();
      if (small) {
        await this.#fetchSmall(tools, small);
        continue;
      }
      const assignment = this.#take();
      if (assignment) {
        await fetchJob(tools, pause, assignment);
        if (assignment.plan.done) this.#seal(assignment.plan);
        this.#wake();
      } else await this.#changed.promise;
    }
  }

  get #finished(): boolean {
    return this.#pending.length === 0 && this.#small.length === 0 && this.#inSmall === 0 &&
      this.#works.length === 0 && this.#busy.size === 0;
  }

  #take(): Assignment | undefined {
    const { connections, perBlob, clock } = this.tools;
    const now = clock.now();
    const open = this.#works.filter(({ assignments: jobs }) => jobs.size < perBlob);
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

  /** Opens blobs ahead, one at a time, as long as there is not enough in hand for all connections. */
  #openMore(): void {
    const { connections, chunkSize } = this.tools;
    if (this.#opening || this.tools.signal.aborted || this.#sealing >= MOST_SEALING) return;
    const left = this.#works.reduce((sum, plan) => sum + plan.left, 0);
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

  /** `parked` is called when the blob has to be waited for, so that others go on. */
  async #open(needed: NeededBlob, parked: () => void): Promise<void> {
    const { session, signal, clock, chunkSize, source, name } = this.tools;
    const { blob, ref, state } = needed;
    if (state === "present") return this.#emit({ event: "blob_cached", blob: ref });
    let plan: BlobPlan | undefined;
    const watcher: BlobWatcher = {
      lost: (range, count, reason) => {
        this.#emit({ event: "bytes_lost", digest: blob.digest, count, reason });
        plan?.putBack(range);
        this.#wake();
      },
      distrusted: () => {
        source.forgetAddress(name, blob);
        this.#emit({ event: "warning", ...wrongChunkList(blob) });
      },
      waiting: (holder) => {
        this.#emit({ event: "lock_wait", digest: blob.digest, holder });
        parked();
      },
      verifying: (done) =>
        this.#emit({ event: "verifying", digest: blob.digest, done, size: blob.size }),
    };
    if (blob.size < SMALL) {
      const here = state === "unproven" && await session.verifyOrQuarantine(blob, signal, watcher);
      if (here) this.#emit({ event: "blob_cached", blob: ref });
      else this.#small.push(needed);
      return;
    }
    const ingest = await session.ingest(blob, signal, watcher);
    if (!ingest) return this.#emit({ event: "blob_cached", blob: ref });
    try {
      const given = await source.chunksums(name, blob, signal);
      this.#emit({ event: "blob_start", blob: ref, kept: ingest.kept() });
      const chunks = given ?? tile(blob.size, chunkSize);
      plan = new BlobPlan(ref, blob, ingest, chunks, clock.now());
      this.#works.push(plan);
    } finally {
      if (!plan) await ingest[Symbol.asyncDispose]();
    }
    if (plan.done) this.#seal(plan);
  }

  async #fetchSmall(tools: TransferTools, needed: NeededBlob): Promise<void> {
    this.#inSmall++;
    try {
      await fetchSmall(tools, needed);
    } finally {
      this.#inSmall--;
      this.#wake();
    }
  }

  #seal(plan: BlobPlan): void {
    if (plan.sealing) return;
    plan.sealing = true;
    this.#sealing++;
    this.#track(
      this.#sealNow(plan).finally(() => {
        plan.sealing = false;
        this.#sealing--;
        // Lost bytes may have been fetched again while this was still comparing.
        const again = plan.done && this.#works.includes(plan);
        if (again && !this.#failure && !this.tools.signal.aborted) this.#seal(plan);
        this.#wake();
      }),
    );
  }

  async #sealNow(plan: BlobPlan): Promise<void> {
    const { ingest, blob } = plan;
    const outcome = await ingest.seal();
    if (outcome === "sealed") {
      this.#works = this.#works.filter((other) => other !== plan);
      const elapsedMs = this.tools.clock.now() - plan.startedAt;
      this.#emit({ event: "blob_verified", blob: plan.ref, elapsedMs });
      return;
    }
    if (this.tools.signal.aborted) return;
    if (outcome === "mismatch") await planRepair(this.tools, plan);
    plan.replan();
    // Nothing to fetch and still not whole would go round for ever.
    if (plan.done) throw new PullamaError("internal", `${blob.digest} cannot be made whole`);
  }

  #checkpoints(): void {
    for (const plan of this.#works) {
      // A slow disk is not asked again before it is through.
      if (!plan.saving) this.#track(this.#checkpoint(plan));
    }
  }

  async #checkpoint(plan: BlobPlan): Promise<void> {
    plan.saving = true;
    try {
      const proven = await plan.ingest.checkpoint();
      if (!this.#works.includes(plan)) return;
      this.#emit({ event: "checkpoint", digest: plan.blob.digest, proven });
    } finally {
      plan.saving = false;
    }
  }

  /** Brings everything to disk that is not finished. What is still being compared is not waited for. */
  async #keepUnfinished(): Promise<void> {
    do {
      const open = this.#works;
      this.#works = [];
      await Promise.all(
        open.map((plan) => this.#guard(async () => await plan.ingest[Symbol.asyncDispose]())),
      );
      // A blob that was just being opened comes to the others.
      await Promise.all(this.#busy);
    } while (this.#works.length > 0);
  }

  #track(task: Promise<void>): void {
    const tracked = this.#guard(() => task).finally(() => {
      this.#busy.delete(tracked);
      this.#wake();
    });
    this.#busy.add(tracked);
  }

  /** The first failure ends everything, and is what the transfer ends with. */
  async #guard(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      const { signal } = this.tools;
      if (!this.#failure && !(signal.aborted && error === signal.reason)) {
        this.#failure = { error };
        this.tools.fail(error);
      }
      this.#wake();
    }
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
