/** Reads small bodies into memory, with limits on size and time. */

import { PullamaError } from "../../core/errors.ts";
import { networkError } from "../diagnose/network_error.ts";

/**
 * All bytes of a body from `host`; undefined, and the body is cancelled, if there are more than
 * `limit`. `attempt` is the controller of the request: it is aborted with `timeout` after
 * `silenceMs` without data, which ends the read and makes the client drop its kept connections.
 * Throws what `networkError` makes of a failure.
 */
export async function readWhole(
  response: Response,
  host: string,
  limit: number,
  silenceMs: number,
  attempt: AbortController,
): Promise<Uint8Array | undefined> {
  const stop = () => {
    const message = `no data received from ${host} for ${silenceMs / 1000}s`;
    attempt.abort(new PullamaError("timeout", message));
  };
  const bytes = new Bytes();
  let timer = setTimeout(stop, silenceMs);
  try {
    for await (const piece of response.body ?? []) {
      clearTimeout(timer);
      if (bytes.length + piece.length > limit) return undefined;
      bytes.add(piece);
      timer = setTimeout(stop, silenceMs);
    }
  } catch (error) {
    throw networkError(error, host, "body");
  } finally {
    clearTimeout(timer);
  }
  return bytes.all();
}

/** What arrives of a body within `timeoutMs`, up to `limit` bytes; the rest is cancelled. */
export async function readAtMost(
  response: Response,
  limit: number,
  timeoutMs: number,
): Promise<Uint8Array> {
  const reader = response.body?.getReader();
  const stop = () => reader?.cancel().catch(() => {});
  const timer = setTimeout(stop, timeoutMs);
  const bytes = new Bytes();
  try {
    while (reader && bytes.length < limit) {
      const { value, done } = await reader.read();
      if (done) break;
      bytes.add(value.subarray(0, limit - bytes.length));
    }
  } catch {
    // Keep what was received.
  } finally {
    clearTimeout(timer);
    await stop();
  }
  return bytes.all();
}

/** One growing buffer: a list of one-byte pieces would take far more memory than their bytes. */
class Bytes {
  #buffer = new Uint8Array(16 << 10);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#buffer.length));
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    this.#buffer.set(piece, this.#length);
    this.#length = length;
  }

  all(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }
}
