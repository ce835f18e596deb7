/** Counts the bytes of a response body without keeping them. */

import { networkError } from "../../registry/diagnose/network_error.ts";

export interface ByteCount {
  readonly bytes: number;
  /** Milliseconds from opening the body to the last byte. */
  readonly ms: number;
}

/**
 * Reads at most `limit` bytes and cancels the rest. Ends early with the body or with `until`,
 * which must also abort the body; any other failure is thrown as a `networkError`.
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
