/** Reacting to an AbortSignal without leaving a listener behind, and time limits over several requests. */

import { PullamaError } from "../core/errors.ts";

/** Calls `act` when `signal` is aborted, at once if it already is; no longer after it was disposed. */
export function onAbort(signal: AbortSignal, act: () => void): Disposable {
  if (signal.aborted) act();
  else signal.addEventListener("abort", act, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener("abort", act) };
}

/** The result of `work`; rejects with the reason of `signal` if that is aborted first. */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => {});
  using _listener = onAbort(signal, () => aborted.reject(signal.reason));
  return await Promise.race([work, aborted.promise]);
}

/** The same for what is closed where it comes after `signal` was aborted. */
export async function openedOrAborted<T extends { close(): void }>(
  opening: Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  try {
    return await orAborted(opening, signal);
  } catch (error) {
    void opening.then((late) => late.close(), () => {});
    throw error;
  }
}

/** A controller that is aborted when the signal it follows is, and may be aborted before; until disposed. */
export class FollowingController extends AbortController implements Disposable {
  readonly #listener: Disposable;

  constructor(followed: AbortSignal) {
    super();
    this.#listener = onAbort(followed, () => this.abort(followed.reason));
  }

  [Symbol.dispose](): void {
    this.#listener[Symbol.dispose]();
  }
}

/** Follows the caller's signal until disposed, and aborts with kind `timeout` when the time is up. */
export class Deadline extends FollowingController {
  readonly #timer: ReturnType<typeof setTimeout>;

  /** `what` completes the message "… after 30 s": "the manifest of h was not complete". */
  constructor(caller: AbortSignal, limitMs: number, what: string) {
    super(caller);
    this.#timer = setTimeout(() => {
      this.abort(new PullamaError("timeout", `${what} after ${limitMs / 1000} s`));
    }, limitMs);
  }

  override [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    super[Symbol.dispose]();
  }
}

/** Aborted some time after the signal it follows, with the same reason: what has begun may end until then. */
export class LateController extends AbortController implements Disposable {
  readonly #listener: Disposable;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(followed: AbortSignal, lateMs: number) {
    super();
    this.#listener = onAbort(followed, () => {
      this.#timer = setTimeout(() => this.abort(followed.reason), lateMs);
    });
  }

  [Symbol.dispose](): void {
    this.#listener[Symbol.dispose]();
    clearTimeout(this.#timer);
  }
}

/** Whether `work` resolves within `ms`; also false if `signal` is aborted first. */
export async function settledWithin(
  work: Promise<unknown>,
  ms: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<false>();
  const handle = setTimeout(() => resolve(false), ms);
  using _listener = signal && onAbort(signal, () => resolve(false));
  try {
    return await Promise.race([work.then(() => true), promise]);
  } finally {
    clearTimeout(handle);
  }
}
