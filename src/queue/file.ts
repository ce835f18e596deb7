/**
 * The queue on disk. Every change takes the lock, reads the file again and replaces it
 * atomically, so that neither concurrent processes nor a crash lose an entry. The process that runs
 * the queue holds a second lock for its whole run: an active entry while that lock is free was left
 * by a runner that died.
 */

import { asPullamaError, PullamaError } from "../core/errors.ts";
import { replaceFile } from "../io/atomic.ts";
import type { Disk, Ownership } from "../io/disk.ts";
import { readSmallFile } from "../io/guarded.ts";
import { type Holder, holderOf, type Lock, tryLock, waitLock } from "../io/lock.ts";
import { formatQueue, parseQueue, type Queue } from "./format.ts";
import { hasActive, requeued } from "./queue.ts";

/** The files of a queue. */
export interface QueuePlace {
  readonly file: string;
  /** The new file before it is renamed. */
  readonly temporary: string;
  /** Held during a change. */
  readonly lock: string;
  /** Held by the runner for its whole run. */
  readonly runnerLock: string;
  readonly disk: Disk;
  /** Creates the folder of these files; returns the ownership of new files in it. */
  prepare(): Promise<Ownership>;
}

/** How to wait for the lock. */
export interface WaitOptions {
  readonly signal: AbortSignal;
  /** The longest wait in milliseconds; if absent, the wait ends only with `signal`. */
  readonly limitMs?: number;
  /** Called once if the lock is held by another process. */
  onWait(holder: Holder | undefined): void;
}

/** Larger files are refused. */
const MAX_BYTES = 64 * 1024 * 1024;

/** The queue in the file. Takes no lock and creates nothing. Rejects with kind `local`. */
export async function readQueue({ file }: QueuePlace): Promise<Queue> {
  return parseQueue(await bytesOf(file), file);
}

/** The same, with the entry of a dead runner shown as queued if the locks can be taken. */
export async function viewQueue(place: QueuePlace, wait: WaitOptions): Promise<Queue> {
  const queue = await readQueue(place);
  if (!hasActive(queue)) return queue;
  try {
    return await locked(place, wait, async (ownership) => {
      const fresh = await readQueue(place);
      using free = await tryLock(place.runnerLock, { ownership });
      return free ? requeued(fresh) : fresh;
    });
  } catch (error) {
    // Without write permission, or if the lock is held too long, the file is shown as it is.
    if (error instanceof PullamaError && (error.kind === "local" || error.kind === "busy")) {
      return queue;
    }
    throw error;
  }
}

/** A changed queue and the result of the change. */
export interface Changed<Result> {
  readonly queue: Queue;
  readonly result: Result;
}

/**
 * Changes the queue and resolves with the result once the change is durable. The entry of a dead
 * runner is queued again before `change` sees it, unless the caller is the runner and passes its
 * lock. If `change` throws, nothing is changed. Rejects with kind `busy` if another process keeps
 * the lock too long.
 */
export async function changeQueue<Result>(
  place: QueuePlace,
  wait: WaitOptions,
  change: (queue: Queue) => Changed<Result>,
  runner?: Lock,
): Promise<Result> {
  return await locked(place, wait, async (ownership) => {
    const read = await readQueue(place);
    using free = runner === undefined && hasActive(read)
      ? await tryLock(place.runnerLock, { ownership })
      : undefined;
    const { queue, result } = change(free ? requeued(read) : read);
    await write(place, read, queue, ownership);
    return result;
  });
}

/**
 * Makes this process the only runner of the queue until the lock is disposed; an entry that a
 * dead runner left active is queued again. Rejects with kind `busy` and the other runner if there
 * is one, without waiting for it.
 */
export async function becomeRunner(place: QueuePlace, wait: WaitOptions): Promise<Lock> {
  return await locked(place, wait, async (ownership) => {
    const lock = await tryLock(place.runnerLock, { ownership });
    if (!lock) throw running(await holderOf(place.runnerLock));
    try {
      const read = await readQueue(place);
      await write(place, read, requeued(read), ownership);
      return lock;
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
  });
}

/** Runs `work` under the queue lock: tests of the runner lock cannot race `becomeRunner`. */
async function locked<T>(
  place: QueuePlace,
  wait: WaitOptions,
  work: (ownership: Ownership) => Promise<T>,
): Promise<T> {
  const ownership = await place.prepare();
  let holder: Holder | undefined;
  const late = new AbortController();
  const timer = wait.limitMs === undefined
    ? undefined
    : setTimeout(() => late.abort(held(place.lock, holder)), wait.limitMs);
  let lock: Lock;
  try {
    lock = await waitLock(place.lock, {
      ownership,
      signal: AbortSignal.any([wait.signal, late.signal]),
      onWait(current) {
        holder = current;
        wait.onWait(current);
      },
    });
  } finally {
    clearTimeout(timer);
  }
  try {
    return await work(ownership);
  } finally {
    lock[Symbol.dispose]();
  }
}

async function write(
  { disk, file, temporary }: QueuePlace,
  before: Queue,
  after: Queue,
  ownership: Ownership,
): Promise<void> {
  const text = formatQueue(after);
  if (text === formatQueue(before)) return;
  // After a crash the file may belong to another user, so it can be removed but not overwritten.
  await disk.remove(temporary);
  await replaceFile(disk, file, temporary, new TextEncoder().encode(text), ownership);
}

async function bytesOf(path: string): Promise<Uint8Array | undefined> {
  try {
    return (await readSmallFile(path, MAX_BYTES))?.bytes;
  } catch (error) {
    const { message, cause } = asPullamaError(error);
    throw new PullamaError("local", message, {
      cause,
      hint: "nothing was changed: move the file away and add the models again",
    });
  }
}

function running(holder: Holder | undefined): PullamaError {
  const who = holder === undefined ? "another process" : holder;
  return new PullamaError("busy", `cannot start the queue: ${who} is already running it`, {
    hint: "models that are added now will be pulled by that process",
  });
}

function held(path: string, holder: Holder | undefined): PullamaError {
  const who = holder === undefined ? "another process" : holder;
  return new PullamaError("busy", `cannot change the queue: ${path} is locked by ${who}`, {
    hint:
      "older versions of pullama keep the lock while the queue runs; try again when that is done",
  });
}
