import assert from "node:assert/strict";
import { systemClock } from "../../src/io/clock.ts";
import type { ByteReader } from "../../src/io/byte_reader.ts";
import { RateLimit, steadyPace } from "../../src/io/limit.ts";
import { StallWatch } from "../../src/io/stall.ts";

/** A reader that always has as many bytes as are asked for. */
const endless: ByteReader = {
  read: (buffer) => Promise.resolve({ value: buffer, done: false }),
  cancel: () => Promise.resolve(),
};

/** A reader that never has any, until it is cancelled. */
function silent(): ByteReader {
  const end = Promise.withResolvers<{ value: undefined; done: boolean }>();
  return {
    read: () => end.promise,
    cancel: () => Promise.resolve(end.resolve({ value: undefined, done: true })),
  };
}

function quickClock() {
  let now = 1000;
  const sleep = async (ms: number, signal?: AbortSignal) => {
    signal?.throwIfAborted();
    const until = now + ms;
    await Promise.resolve();
    now = Math.max(now, until);
  };
  return { now: () => now, sleep, pass: (ms: number) => now += ms };
}

const never = new AbortController().signal;

for (const rate of [100, 50_000, 10_000_000]) {
  for (const readers of [1, 4]) {
    Deno.test(`RateLimit of ${rate} bytes a second holds ${readers} readers to it together`, async () => {
      const clock = quickClock();
      const limit = new RateLimit(steadyPace(rate), clock);
      const began = clock.now();
      let bytes = 0;
      await Promise.all(Array.from({ length: readers }, async () => {
        const reader = limit.through(endless, never);
        for (let k = 0; k < 200; k++) {
          const { value } = await reader.read(new Uint8Array(65_536));
          bytes += value!.length;
        }
      }));
      const seconds = (clock.now() - began) / 1000;
      assert.ok(bytes / seconds < rate * 1.1, `${bytes} in ${seconds} s`);
      assert.ok(bytes / seconds > rate * 0.9, `${bytes} in ${seconds} s`);
    });
  }
}

Deno.test("RateLimit lets many that pay before they move cause no burst", async () => {
  const clock = quickClock();
  const limit = new RateLimit(steadyPace(1_000_000), clock);
  const began = clock.now();
  let bytes = 0;
  await Promise.all(Array.from({ length: 32 }, async () => {
    for (let k = 0; k < 10; k++) {
      const most = await limit.take(65_536, never);
      limit.spend(-1000);
      bytes += most - 1000;
      const paid = 1000 * (clock.now() - began);
      assert.ok(bytes <= paid + 300_000, `${bytes} instead of ${paid}`);
    }
  }));
  assert.equal(bytes, 32 * 10 * 64_536);
});

Deno.test("RateLimit does not save up what a silence left unused", async () => {
  const clock = quickClock();
  const reader = new RateLimit(steadyPace(100_000), clock).through(endless, never);
  await reader.read(new Uint8Array(65_536));
  clock.pass(3_600_000);
  const began = clock.now();
  let bytes = 0;
  while (bytes < 100_000) bytes += (await reader.read(new Uint8Array(65_536))).value!.length;
  assert.ok(clock.now() - began >= 700);
});

Deno.test("RateLimit lets a wait end with the reason of the signal", async () => {
  const stop = new AbortController();
  const clock = {
    now: () => 0,
    sleep: (_: number, signal?: AbortSignal) =>
      new Promise<void>((_, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason));
      }),
  };
  const reader = new RateLimit(steadyPace(10), clock).through(endless, stop.signal);
  await reader.read(new Uint8Array(2000));
  const waiting = reader.read(new Uint8Array(2000));
  stop.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
});

const SILENCE = { alone: 100, besideOthers: 40, slowest: 0, slowMs: 1_000_000 };

Deno.test("StallWatch ends a silent read once, and leaves no timer when all have ended", async () => {
  const watch = new StallWatch(SILENCE);
  const inner = silent();
  const stalls: number[] = [];
  const reader = watch.over(inner, ({ silentMs }) => {
    stalls.push(silentMs);
    inner.cancel();
  });
  assert.deepEqual(await reader.read(new Uint8Array(10)), { value: undefined, done: true });
  assert.equal(stalls.length, 1);
  assert.ok(stalls[0]! >= 100);
  await reader.cancel();
});

Deno.test("StallWatch has less patience with a silence while others receive bytes", async () => {
  let now = 0;
  const watch = new StallWatch({ ...SILENCE, alone: 1e9, besideOthers: 40 }, () => now);
  const inner = silent();
  const reader = watch.over(inner, () => inner.cancel());
  const waiting = reader.read(new Uint8Array(10));
  now += 10;
  const other = watch.over(endless, () => assert.fail("it is not silent"));
  await other.read(new Uint8Array(10));
  now += 31;
  await waiting;
  await other.cancel();
});

Deno.test("StallWatch gives a read its time again after the process was suspended", async () => {
  let now = 0;
  const watch = new StallWatch({ ...SILENCE, besideOthers: 40 }, () => now);
  const inner = silent();
  const stalls: number[] = [];
  const reader = watch.over(inner, ({ silentMs }) => {
    stalls.push(silentMs);
    inner.cancel();
  });
  const waiting = reader.read(new Uint8Array(10));
  const other = watch.over(endless, () => assert.fail("it is not silent"));
  now += 60_000;
  await other.read(new Uint8Array(10));
  now += 10;
  await other.read(new Uint8Array(10));
  now += 31;
  await waiting;
  assert.deepEqual(stalls, [41]);
  await other.cancel();
});

Deno.test("StallWatch does not blame a connection that nobody reads from", async () => {
  const watch = new StallWatch({ ...SILENCE, alone: 20, besideOthers: 20 });
  const reader = watch.over(endless, () => assert.fail("nobody waits for it"));
  await reader.read(new Uint8Array(10));
  await new Promise((resolve) => setTimeout(resolve, 60));
  await reader.read(new Uint8Array(10));
  await reader.cancel();
});

Deno.test("a new rate ends the wait that the old one had caused", async () => {
  const listeners = new Set<() => void>();
  const pace = {
    rate: 1 as number | undefined,
    open: true,
    onChange(listener: () => void) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
  };
  const reader = new RateLimit(pace, systemClock).through(endless, never);
  await reader.read(new Uint8Array(65_536));
  // 1,024 bytes at a byte a second.
  const next = reader.read(new Uint8Array(65_536));
  pace.rate = 10_000_000;
  for (const listener of [...listeners]) listener();
  assert.ok((await next).value!.length > 1024);
  assert.equal(listeners.size, 0);
});
