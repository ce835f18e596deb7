/** Pulls the models of the queue one after another. */

import { systemClock } from "../io/clock.ts";
import type { Lock } from "../io/lock.ts";
import { statOf } from "../io/stat.ts";
import { givenOf } from "./entry.ts";
import { becomeRunner, changeQueue, type QueuePlace, readQueue, type WaitOptions } from "./file.ts";
import { type Queue, timestamp } from "./format.ts";
import { failed, finished, next, requeued, waiting } from "./queue.ts";

/** A model to pull. */
export interface Turn {
  /** The full name, as on a command line; it may be invalid. */
  readonly given: string;
  /** The position among the `count` models of this run known so far, from 1. */
  readonly index: number;
  readonly count: number;
}

export type TurnEnd =
  | { readonly ended: "pulled" }
  | { readonly ended: "failed"; readonly reason: string }
  | { readonly ended: "interrupted" };

export interface Run {
  /** Never rejects because of a single model. */
  pullOne(turn: Turn): Promise<TurnEnd>;
  /** Once aborted, no further model is started. */
  readonly enough: AbortSignal;
  /** How to wait for the queue to record a result. Before a model is started, the wait also ends with `enough`. */
  readonly wait: WaitOptions;
  now(): Date;
  /** The run waits for further entries, until `enough`; called when it begins to. Absent: it ends instead. */
  readonly onIdle?: (() => void) | undefined;
}

/** Milliseconds between two looks for further entries. */
const LOOK_MS = 1000;

/**
 * Pulls all queued entries, including those added during the run, and records the result of each.
 * An interrupted entry is queued again and ends the run. Resolves with the models still queued, as
 * on a command line. Rejects with kind `busy` if another process runs the queue.
 */
export async function runQueue(place: QueuePlace, run: Run): Promise<readonly string[]> {
  const { wait, enough } = run;
  using lock = await unlessEnough(becomeRunner(place, { ...wait, signal: enough }), enough);
  if (lock) await pullAll(place, run, lock);
  return waiting(await readQueue(place)).map(givenOf);
}

async function pullAll(place: QueuePlace, run: Run, lock: Lock): Promise<void> {
  const { wait, enough } = run;
  let idle = false;
  for (let index = 1;;) {
    const before = await versionOf(place);
    const turn = await takeTurn(place, run, lock, index);
    if (turn === undefined) {
      if (!run.onIdle || enough.aborted) break;
      if (!idle) run.onIdle();
      idle = true;
      await changed(place, before, enough);
      continue;
    }
    idle = false;
    index++;
    // The signal may have come while the entry was written.
    const end: TurnEnd = enough.aborted ? { ended: "interrupted" } : await run.pullOne(turn);
    const now = timestamp(run.now());
    const record = (queue: Queue) => ({ queue: recorded(queue, end, now), result: undefined });
    await changeQueue(place, wait, record, lock);
    if (end.ended === "interrupted" || enough.aborted) break;
  }
}

/** Undefined where `enough` was aborted while `work` waited for the queue. */
async function unlessEnough<T>(work: Promise<T>, enough: AbortSignal): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (enough.aborted && error === enough.reason) return undefined;
    throw error;
  }
}

/** What is another after every change of the queue: it is replaced. */
async function versionOf({ file }: QueuePlace): Promise<string> {
  const info = await statOf(file);
  return info ? `${info.ino} ${info.mtime?.getTime()} ${info.size}` : "";
}

/** Resolves when the queue is another version than `before`, or `enough` is aborted. */
async function changed(place: QueuePlace, before: string, enough: AbortSignal): Promise<void> {
  while (!enough.aborted && await versionOf(place) === before) {
    await systemClock.sleep(LOOK_MS, enough).catch(() => {});
  }
}

async function takeTurn(
  place: QueuePlace,
  { wait, enough }: Run,
  lock: Lock,
  index: number,
): Promise<Turn | undefined> {
  const change = (queue: Queue) => {
    const taken = enough.aborted ? undefined : next(queue);
    if (taken === undefined) return { queue, result: undefined };
    const count = index + waiting(taken.queue).length;
    return { queue: taken.queue, result: { given: givenOf(taken.entry), index, count } };
  };
  const taking = changeQueue<Turn | undefined>(place, { ...wait, signal: enough }, change, lock);
  return await unlessEnough(taking, enough);
}

function recorded(queue: Queue, end: TurnEnd, now: string): Queue {
  switch (end.ended) {
    case "pulled":
      return finished(queue, now);
    case "failed":
      return failed(queue, end.reason, now);
    case "interrupted":
      return requeued(queue);
    default:
      return end satisfies never;
  }
}
