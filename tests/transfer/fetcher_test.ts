import assert from "node:assert/strict";
import type { Source } from "../../src/core/content.ts";
import { digestOf } from "../../src/core/digest.ts";
import { PullamaError } from "../../src/core/errors.ts";
import { parsePinned } from "../../src/core/name.ts";
import { RateLimit, steadyPace } from "../../src/io/limit.ts";
import { StallWatch } from "../../src/io/stall.ts";
import { ConnectionBuffers } from "../../src/transfer/traffic/buffers.ts";
import { Fetcher } from "../../src/transfer/traffic/fetcher.ts";
import { QuickClock } from "./world.ts";

Deno.test("a body that is of no use any longer is not read on, and its source is told why", async () => {
  const left = new AbortController();
  const range = { start: 0, end: 1000 };
  const ends: unknown[] = [];
  const source: Partial<Source> = {
    open: () =>
      Promise.resolve({
        range,
        ranged: true,
        // Nothing more comes, and the stream does not know of the signal.
        stream: new ReadableStream({
          type: "bytes",
          start: (controller) => controller.enqueue(new Uint8Array(10)),
        }),
        ended: (...end) => ends.push(end) > 0,
        left: left.signal,
      }),
  };
  const clock = new QuickClock();
  const fetcher = new Fetcher({
    source: source as Source,
    name: parsePinned("tiny"),
    watch: new StallWatch(),
    limit: new RateLimit(steadyPace(undefined), clock),
    timeoutMs: 60_000,
  }, { signal: new AbortController().signal, emit() {}, clock });
  const reason = new PullamaError("network", "it sends wrong bytes");
  const whole = await fetcher.open({
    blob: { digest: digestOf("0".repeat(64)), size: 1000, mediaType: "x" },
    range,
    buffers: new ConnectionBuffers(),
    signal: new AbortController().signal,
    meter: { received: 0, waiting: false },
  }, async (reader) => {
    await reader.next(10);
    left.abort(reason);
    await reader.next(10);
  });
  assert.equal(whole, false);
  assert.deepEqual(ends, [[10, reason]]);
});
