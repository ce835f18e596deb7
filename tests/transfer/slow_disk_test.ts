import assert from "node:assert/strict";
import type { Ingest, Source, Writer } from "../../src/core/content.ts";
import { digestOf } from "../../src/core/digest.ts";
import { parsePinned } from "../../src/core/name.ts";
import { tile } from "../../src/core/ranges.ts";
import { type Disk, realDisk } from "../../src/io/disk.ts";
import { RateLimit, steadyPace } from "../../src/io/limit.ts";
import { StallWatch } from "../../src/io/stall.ts";
import { openFolder } from "../../src/store/store.ts";
import { Retrier } from "../../src/transfer/retry/retrier.ts";
import { Connection } from "../../src/transfer/traffic/connection.ts";
import { Fetcher } from "../../src/transfer/traffic/fetcher.ts";
import { BlobPlan } from "../../src/transfer/work/blob_plan.ts";
import { MIB, QuickClock, world } from "./world.ts";

/** One connection that has begun a range of `blob`, whose writes go to `writer`. */
function connectionTo(size: number, writer: Writer) {
  const blob = { digest: digestOf("0".repeat(64)), size, mediaType: "x" };
  const ingest = {
    plan: () => [{ start: 0, end: size }],
    writer: () => Promise.resolve(writer),
  } as Partial<Ingest> as Ingest;
  const ref = { digest: blob.digest, size, index: 1, count: 1 };
  const plan = new BlobPlan(ref, blob, ingest, tile(size, size), { now: 0, window: size });
  const source: Partial<Source> = {
    open: (_name, _blob, range) =>
      Promise.resolve({ range, ranged: true, stream: new Blob([new Uint8Array(size)]).stream() }),
  };
  const clock = new QuickClock();
  const context = { signal: new AbortController().signal, emit() {}, clock };
  const watch = new StallWatch();
  const fetcher = new Fetcher({
    source: source as Source,
    name: parsePinned("tiny"),
    watch,
    limit: new RateLimit(steadyPace(undefined), clock),
    timeoutMs: 60_000,
  }, context);
  const policy = { maxRetries: 0, retryForMs: 0 };
  const retrier = new Retrier(policy, context, { received: () => 0, limits: watch.limits });
  const tools = { fetcher, retrier, context, responded() {}, refused() {} };
  const connection = new Connection(tools, 0);
  const range = plan.take(size, connection)!;
  return { plan, range, ended: connection.run(range, () => undefined, () => {}) };
}

Deno.test("bytes that wait for a slow disk are not taken over by another connection", async () => {
  const disk = Promise.withResolvers<void>();
  const writer = {
    position: 0,
    async write(bytes: Uint8Array) {
      await disk.promise;
      this.position += bytes.length;
    },
    close() {},
  };
  const { plan, range, ended } = connectionTo(8 * MIB, writer);
  // All that it can receive before the disk has written something.
  let before = -1;
  while (before !== range.position || before === 0) {
    before = range.position;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const helper = plan.relieve({ of: range, at: range.position, again: false }, {
    rate: MIB,
    quietMs: 0,
  });
  disk.resolve();
  await ended;
  assert.ok(helper.start > 0);
  assert.equal(writer.position, helper.start);
});

Deno.test("a connection that waits for a slow disk is not silent: its range is requested once", async () => {
  await using place = await world();
  const model = place.tiny(2 * MIB);
  const { digest, size } = model.weights;
  let slow = true;
  const disk: Disk = {
    ...realDisk,
    async open(path, how) {
      const wait = slow && how === "existing" && served() > 0;
      if (wait) {
        slow = false;
        await new Promise((resolve) => setTimeout(resolve, 4000));
      }
      return await realDisk.open(path, how);
    },
  };
  const served = () => place.registry.served(digest);
  await place.pull(model.name, { store: () => openFolder(place.models, { tool: "test", disk }) });
  place.assertInstalled(model);
  const asked = place.registry.requests.filter(({ path }) => path.endsWith(digest));
  const starts = asked.map(({ range }) => range!.start);
  assert.equal(new Set(starts).size, starts.length, `${starts}`);
  assert.ok(served() - size < MIB, `${served() - size} bytes came twice`);
});
