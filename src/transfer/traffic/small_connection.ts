/** One connection that downloads small blobs, one after another. */

import type { Descriptor } from "../../core/manifest.ts";
import { ConnectionBuffers, cutShort } from "./buffers.ts";
import type { Meter } from "./fetcher.ts";
import type { ConnectionTools } from "./connection_tools.ts";

export class SmallConnection {
  readonly #buffers = new ConnectionBuffers(Infinity);
  readonly #meter: Meter = { received: 0, waiting: false };

  constructor(private readonly tools: Omit<ConnectionTools, "responded">) {}

  /** Downloads a small blob into memory; bytes that a failed attempt received are not requested again. */
  async download(blob: Descriptor): Promise<Uint8Array> {
    const { fetcher, retrier, context: { signal }, refused } = this.tools;
    const buffers = this.#buffers;
    const bytes = new Uint8Array(blob.size);
    let have = 0;
    const work = { digest: blob.digest, needed: blob.size, signal, failed: refused };
    await retrier.run(work, async (received) => {
      while (have < blob.size) {
        const range = { start: have, end: blob.size };
        const request = { blob, range, buffers, signal, meter: this.#meter };
        await fetcher.open(request, async (reader, body) => {
          if (!await reader.skipTo(have)) throw cutShort(reader.position, body.range.end);
          while (have < body.range.end) {
            const piece = await reader.next(body.range.end - have);
            if (!piece) throw cutShort(have, body.range.end);
            bytes.set(piece, have);
            have += piece.length;
            received(piece.length);
          }
        });
      }
    });
    return bytes;
  }
}
