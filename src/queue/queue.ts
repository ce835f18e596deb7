/** Operations on a queue. All functions are pure: they return the changed queue. */

import { PullamaError } from "../core/errors.ts";
import type { ModelName } from "../core/name.ts";
import { quoted } from "../core/quote.ts";
import { entryFor, givenOf, keyOf, keyOfName, sameRequest, withRequest } from "./entry.ts";
import { type Entry, NO_TIME, type Queue, type Status } from "./format.ts";

export const EMPTY: Queue = { entries: [], others: {} };

export interface Added {
  readonly queue: Queue;
  readonly added: readonly ModelName[];
  /** Already queued, but with another scheme or digest: now with those of this name. */
  readonly changed: readonly ModelName[];
  /** Already queued or being pulled, and left unchanged. */
  readonly skipped: readonly ModelName[];
}

/**
 * Adds `names` at the end of the queue. A queued entry keeps its position and takes scheme and digest of
 * the new name; an active entry stays unchanged; a completed or failed entry moves to the end and
 * is queued again.
 */
export function add(queue: Queue, names: readonly ModelName[], now: string): Added {
  const added: ModelName[] = [];
  const changed: ModelName[] = [];
  const skipped: ModelName[] = [];
  let list = queue.entries.map((entry) => ({ key: keyOf(entry), entry }));
  for (const name of names) {
    const key = keyOfName(name);
    const waiting = list.find((other) => other.key === key && isOpen(other.entry));
    if (waiting === undefined) {
      added.push(name);
      list = list.filter((other) => other.key !== key || !isOver(other.entry));
      list.push({ key, entry: entryFor(name, now) });
    } else if (is(waiting.entry, "active") || sameRequest(waiting.entry, name)) {
      skipped.push(name);
    } else {
      changed.push(name);
      waiting.entry = withRequest(waiting.entry, name);
    }
  }
  return { queue: { ...queue, entries: list.map(({ entry }) => entry) }, added, changed, skipped };
}

export interface Removed {
  readonly queue: Queue;
  readonly removed: readonly Entry[];
}

/** Removes the entries at `positions`, from 1: all or none. Throws `usage` or `busy`. */
export function remove(queue: Queue, positions: readonly number[]): Removed {
  assertPositions(queue, positions);
  const chosen = new Set(positions);
  const at = queue.entries.findIndex((entry, i) => is(entry, "active") && chosen.has(i + 1));
  if (at >= 0) {
    const model = quoted(givenOf(queue.entries[at]!));
    throw new PullamaError("busy", `cannot remove entry ${at + 1}: ${model} is being pulled`, {
      hint: "stop the running pullama queue start first; nothing was removed",
    });
  }
  const removed = queue.entries.filter((_, i) => chosen.has(i + 1));
  const entries = queue.entries.filter((_, i) => !chosen.has(i + 1));
  return { queue: { ...queue, entries }, removed };
}

/** The positions of completed entries. */
export function completedIn({ entries }: Queue): readonly number[] {
  return entries.flatMap((entry, i) => is(entry, "completed") ? [i + 1] : []);
}

/** Throws `usage` if there is no entry at one of `positions`. */
export function assertPositions({ entries }: Queue, positions: readonly number[]): void {
  const missing = [...new Set(positions)].filter((position) => position > entries.length);
  if (missing.length === 0) return;
  const what = missing.length === 1 ? "is no entry" : "are no entries";
  const count = entries.length === 1 ? "1 entry" : `${entries.length} entries`;
  throw new PullamaError("usage", `there ${what} ${missing.join(", ")} in the queue`, {
    hint: entries.length === 0 ? "the queue is empty" : `it has ${count}; nothing was removed`,
  });
}

export interface Next {
  readonly queue: Queue;
  readonly entry: Entry;
}

/** Makes the first queued entry active; undefined if there is none. */
export function next(queue: Queue): Next | undefined {
  const entry = queue.entries.find((other) => is(other, "queued"));
  if (entry === undefined) return undefined;
  const active = { ...entry, status: "active" satisfies Status };
  return { queue: replace(queue, (other) => other === entry ? active : other), entry: active };
}

/** Marks the active entry as completed. */
export function finished(queue: Queue, now: string): Queue {
  return replaceActive(queue, ({ error: _, ...entry }) => ({
    ...entry,
    status: "completed" satisfies Status,
    finished_at: now,
  }));
}

/** Marks the active entry as failed with `reason`. */
export function failed(queue: Queue, reason: string, now: string): Queue {
  return replaceActive(queue, (entry) => ({
    ...entry,
    status: "failed" satisfies Status,
    finished_at: now,
    error: reason,
  }));
}

/** Makes active entries queued again, because no process is pulling them. */
export function requeued(queue: Queue): Queue {
  return replaceActive(queue, ({ error: _, ...entry }) => ({
    ...entry,
    status: "queued" satisfies Status,
    finished_at: NO_TIME,
  }));
}

/** The queued entries, in order. */
export function waiting(queue: Queue): readonly Entry[] {
  return queue.entries.filter((entry) => is(entry, "queued"));
}

export function hasActive(queue: Queue): boolean {
  return queue.entries.some((entry) => is(entry, "active"));
}

function is(entry: Entry, status: Status): boolean {
  return entry.status === status;
}

function isOpen(entry: Entry): boolean {
  return is(entry, "queued") || is(entry, "active");
}

function isOver(entry: Entry): boolean {
  return is(entry, "completed") || is(entry, "failed");
}

function replaceActive(queue: Queue, by: (entry: Entry) => Entry): Queue {
  return replace(queue, (entry) => is(entry, "active") ? by(entry) : entry);
}

function replace(queue: Queue, by: (entry: Entry) => Entry): Queue {
  return { ...queue, entries: queue.entries.map(by) };
}
