/**
 * The queue on disk. Whoever changes it holds its lock, reads it anew and replaces it in one step, so that
 * neither two processes nor a crash lose an entry. The runner of the queue holds a second lock while it runs:
 * an entry that is active while that one is free belonged to a runner that is dead.
 */

import { PullamaError } from "../core/errors.ts";
import { replaceFile } from "../io/atomic.ts";
import type { Disk, Ownership } from "../io/disk.ts";
import { fileError, isMissing } from "../io/file_error.ts";
import { type Holder, holderOf, type Lock, tryLock, waitLock } from "../io/lock.ts";
import { formatQueue, parseQueue, type Queue } from "./format.ts";
import { hasActive, requeued } from "./queue.ts";

/** Where a queue lies. */
export interface QueuePlace {
  readonly file: string;
  /** The file before it is renamed. */
  readonly temporary: string;
  /** Held for the moment of a change. */
  readonly lock: string;
  /** Held by the runner for its whole run. */
  readonly runnerLock: string;
  readonly disk: Disk;
  /** Makes the folder of all these; returns what new files in it look like. */
  prepare(): Promise<Ownership>;
}

/** How somebody waits for the lock. */
export interface WaitOptions {
  readonly signal: AbortSignal;
  /** Longest wait in milliseconds; absent: until `signal`. */
  readonly limitMs?: number;
  /** Called once if there is something to wait for. */
  onWait(holder: Holder | undefined): void;
}

/** A queue of so many bytes is none. */
const MAX_BYTES = 64 * 1024 * 1024;

/** The queue as it stands in the file. Takes no lock and makes nothing. Rejects with kind `local`. */
export async function readQueue({ file }: QueuePlace): Promise<Queue> {
  return parseQueue(await bytesOf(file), file);
}

/** The same with the entry of a dead runner shown as waiting, where that can be found out. */
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
    // Whoever may read the queue but not change it sees what is written.
    if (error instanceof PullamaError && (error.kind === "local" || error.kind === "busy")) {
      return queue;
    }
    throw error;
  }
}

/** A queue and what else came of a change. */
export interface Changed<Result> {
  readonly queue: Queue;
  readonly result: Result;
}

/**
 * Changes the queue and resolves with the result once that would survive a power cut. The entry of a dead
 * runner waits again before `change` sees it, unless the caller is the runner and shows its lock. Where
 * `change` throws, nothing is changed. Rejects with kind `busy` where somebody keeps the lock.
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
 * Becomes the one runner of the queue until the lock is disposed; what a dead one left active waits again.
 * Rejects with kind `busy`, naming the other runner, where there is one: nobody waits for that.
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

/** All of it under one lock: nobody looks whether the runner lives while one is about to become it. */
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
      onWait(who) {
        holder = who;
        wait.onWait(who);
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
  // A crash of another user may have left one that only its folder lets us replace.
  await disk.remove(temporary);
  await replaceFile(disk, file, temporary, new TextEncoder().encode(text), ownership);
}

async function bytesOf(path: string): Promise<Uint8Array | undefined> {
  try {
    const { size } = await Deno.stat(path);
    if (size > MAX_BYTES) {
      throw new PullamaError("local", `cannot read the queue in ${path}: it is too large`, {
        hint: "nothing was changed: move the file aside and add the models again",
      });
    }
    return await Deno.readFile(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw fileError(error, "read", path);
  }
}

function running(holder: Holder | undefined): PullamaError {
  const who = holder === undefined ? "another process" : holder;
  return new PullamaError("busy", `cannot start the queue: it is being worked on by ${who}`, {
    hint: "what is added now is pulled by that one",
  });
}

function held(path: string, holder: Holder | undefined): PullamaError {
  const who = holder === undefined ? "another process" : holder;
  return new PullamaError("busy", `cannot change the queue: ${path} is held by ${who}`, {
    hint: "an older pullama holds it while its queue runs; try again when that has ended",
  });
}
