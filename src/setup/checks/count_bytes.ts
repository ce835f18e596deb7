/** Counting what comes of a body. Nothing of it is kept. */

import { networkError } from "../../registry/diagnose/network_error.ts";

export interface ByteCount {
  readonly bytes: number;
  /** Milliseconds from when the body was opened to the last byte. */
  readonly ms: number;
}

/**
 * Reads at most `limit` bytes and lets the rest go. Ends early with the body, and with `until`, which has to end
 * the body as well; any other failure is thrown as `networkError` has it.
 */
export async function countBytes(
  stream: ReadableStream<Uint8Array>,
  limit: number,
  host: string,
  until?: AbortSignal,
): Promise<ByteCount> {
  const began = performance.now();
  const reader = stream.getReader();
  let bytes = 0;
  try {
    while (bytes < limit) {
      const { value, done } = await reader.read();
      if (done) break;
      bytes += value.length;
    }
  } catch (error) {
    if (!until?.aborted) throw networkError(error, host, "body");
  } finally {
    await reader.cancel().catch(() => {});
  }
  return { bytes: Math.min(bytes, limit), ms: performance.now() - began };
}
