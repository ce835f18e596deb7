/** Works through the queue, one model after another, until nothing waits or it is told that this is enough. */

import type { Lock } from "../io/lock.ts";
import { wordOf } from "./entry.ts";
import { becomeRunner, changeQueue, type QueuePlace, type WaitOptions } from "./file.ts";
import { type Queue, timestamp } from "./format.ts";
import { failed, finished, next, requeued, waiting } from "./queue.ts";

/** A model whose turn it is. */
export interface Turn {
  /** As on a command line, in full; it may be no name at all. */
  readonly given: string;
  /** Of `count` models in this run, as far as they are known by now; from 1. */
  readonly index: number;
  readonly count: number;
}

export type TurnEnd =
  | { readonly ended: "pulled" }
  | { readonly ended: "failed"; readonly reason: string }
  | { readonly ended: "interrupted" };

export interface Run {
  /** Never rejects for what is wrong with one model. */
  pullOne(turn: Turn): Promise<TurnEnd>;
  /** Once aborted, nothing more is begun. */
  readonly enough: AbortSignal;
  readonly wait: WaitOptions;
  now(): Date;
}

/**
 * Pulls what waits, also what is added meanwhile, and notes how each entry ends; one that is interrupted waits
 * again and ends the run. Resolves with the models that still wait, as on a command line. Rejects with kind
 * `busy` where another process runs the queue.
 */
export async function runQueue(place: QueuePlace, run: Run): Promise<readonly string[]> {
  const { wait, enough } = run;
  using lock = await becomeRunner(place, wait);
  for (let index = 1;; index++) {
    const turn = await takeTurn(place, run, lock, index);
    if (turn === undefined) break;
    const end = await run.pullOne(turn);
    const now = timestamp(run.now());
    const note = (queue: Queue) => ({ queue: noted(queue, end, now), result: undefined });
    await changeQueue(place, wait, note, lock);
    if (end.ended === "interrupted" || enough.aborted) break;
  }
  const change = (queue: Queue) => ({ queue, result: waiting(queue).map(wordOf) });
  return await changeQueue(place, wait, change, lock);
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
    return { queue: taken.queue, result: { given: wordOf(taken.entry), index, count } };
  };
  return await changeQueue<Turn | undefined>(place, wait, change, lock);
}

function noted(queue: Queue, end: TurnEnd, now: string): Queue {
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
