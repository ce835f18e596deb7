/** The queue of a models folder. */

import { asPullamaError, PullamaError } from "../core/errors.ts";
import type { ModelName } from "../core/name.ts";
import type { QueueModel, QueueRow } from "../core/reports/queue_row.ts";
import { realDisk } from "../io/disk.ts";
import { givenOf, nameOf } from "../queue/entry.ts";
import {
  changeQueue,
  type QueuePlace,
  readQueue,
  viewQueue,
  type WaitOptions,
} from "../queue/file.ts";
import { type Entry, type Queue, timeIn, timestamp } from "../queue/format.ts";
import { add, type Added, assertPositions, completedIn, remove } from "../queue/queue.ts";
import { type Run, runQueue } from "../queue/runner.ts";
import { folderAt, makeOwnFolder } from "../store/layout/folder.ts";
import { makeRoot } from "../store/layout/ownership.ts";
import { pathsOf } from "../store/layout/paths.ts";

/** The queue of one models folder. */
export interface ModelQueue {
  /** All entries in order. Makes no folder and changes no entry. */
  rows(wait: Wait): Promise<readonly QueueRow[]>;
  /** The same as they are in the file, without a lock: an entry of a runner that died is active. */
  peek(): Promise<readonly QueueRow[]>;
  /** Appends models; resolves with what was done with each. */
  add(names: readonly ModelName[], now: Date, wait: Wait): Promise<Omit<Added, "queue">>;
  /** Removes entries by position, all or none, or those that are completed; resolves with their models. */
  remove(positions: readonly number[] | "completed", wait: Wait): Promise<readonly QueueModel[]>;
  /** Pulls the entries that are queued; see `runQueue`. */
  run(run: Run): Promise<readonly string[]>;
}

/** How a short command waits for another one. */
export type Wait = Omit<WaitOptions, "limitMs">;

export type OpenQueue = (modelsDir: string) => Promise<ModelQueue>;

/** A change takes milliseconds: a process that keeps the lock longer is not changing the queue. */
const CHANGE_MS = 30_000;
const LOOK_MS = 2_000;

/**
 * The queue of the models folder `modelsDir`. Nothing is read or made before it is asked for. `enter` is called before
 * anything in the folder changes.
 */
export function openQueue(
  modelsDir: string,
  enter: () => Promise<void> = () => Promise.resolve(),
): ModelQueue {
  const place = placeIn(modelsDir, enter);
  return {
    async rows(wait) {
      return rowsOf(await notCutShort(viewQueue(place, { ...wait, limitMs: LOOK_MS })));
    },
    async peek() {
      return rowsOf(await readQueue(place));
    },
    add: (names, now, wait) =>
      notCutShort(changeQueue(place, { ...wait, limitMs: CHANGE_MS }, (queue) => {
        const { queue: after, ...result } = add(queue, names, timestamp(now));
        return { queue: after, result };
      })),
    async remove(positions, wait) {
      const chosen = (queue: Queue) => positions === "completed" ? completedIn(queue) : positions;
      // No folder is made to report that the queue is empty.
      const before = await readQueue(place);
      assertPositions(before, chosen(before));
      if (chosen(before).length === 0) return [];
      const removed = await notCutShort(
        changeQueue(place, { ...wait, limitMs: CHANGE_MS }, (queue) => {
          const { queue: after, removed } = remove(queue, chosen(queue));
          return { queue: after, result: removed };
        }),
      );
      return removed.map(modelOf);
    },
    run: (run) => runQueue(place, run),
  };
}

function placeIn(modelsDir: string, enter: () => Promise<void>): QueuePlace {
  const folder = folderAt(pathsOf(modelsDir));
  const { root, queueFolder, queue, queueLock, runnerLock } = folder.paths;
  return {
    file: queue,
    temporary: `${queue}.tmp`,
    lock: queueLock,
    runnerLock,
    disk: realDisk,
    async prepare() {
      await enter();
      await makeRoot(realDisk, root);
      return await makeOwnFolder(folder, queueFolder);
    },
  };
}

function rowsOf({ entries }: Queue): QueueRow[] {
  return entries.map((entry, i) => rowOf(entry, i + 1));
}

function rowOf(entry: Entry, position: number): QueueRow {
  return {
    position,
    ...modelOf(entry),
    status: entry.status,
    addedAt: timeIn(entry.added_at),
    finishedAt: timeIn(entry.finished_at),
    error: entry.error || undefined,
  };
}

function modelOf(entry: Entry): QueueModel {
  return { given: givenOf(entry), name: nameOf(entry) };
}

/** An interruption here has changed nothing: there is nothing to resume. */
async function notCutShort<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (caught) {
    const error = asPullamaError(caught);
    if (error.kind !== "interrupted") throw error;
    throw new PullamaError("busy", "stopped while waiting for the queue, which was not changed", {
      cause: error,
    });
  }
}
