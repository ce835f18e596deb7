import assert from "node:assert/strict";
import { Pace } from "../../src/transfer/retry/pace.ts";

const LIMITS = { slowest: 1000, slowMs: 60_000 };

/** A pace, with a clock and a count of received bytes to advance. */
function pace() {
  let [now, total] = [0, 0];
  const it = new Pace(LIMITS, { now: () => now }, () => total);
  return {
    /** An attempt that receives `bytes` in `ms`, while others receive `others`; its progress. */
    attempt(ms: number, bytes: number, others = 0): number {
      now += ms;
      total += bytes + others;
      return it.progress(bytes);
    },
    wait: (ms: number) => void (now += ms),
    skip: () => it.skip(),
  };
}

Deno.test("Pace counts a few bytes at a time as progress for a minute, and then no longer", () => {
  const { attempt } = pace();
  for (let second = 1; second < 60; second++) assert.equal(attempt(1000, 20), 20);
  for (let k = 0; k < 10; k++) assert.equal(attempt(1000, 20), 0);
  // Until it is fast enough again.
  assert.equal(attempt(1000, 5000), 5000);
  assert.equal(attempt(1000, 20), 20);
});

Deno.test("Pace counts the time between attempts, unless the server asked for it", () => {
  const { attempt, wait } = pace();
  assert.equal(attempt(10, 20), 20);
  wait(70_000);
  assert.equal(attempt(10, 20), 0);
  const asked = pace();
  assert.equal(asked.attempt(10, 20), 20);
  asked.wait(70_000);
  asked.skip();
  assert.equal(asked.attempt(10, 20), 20);
});

Deno.test("Pace counts the bytes of all connections: each has a share of a slow network", () => {
  const { attempt } = pace();
  for (let minute = 0; minute < 10; minute++) {
    assert.equal(attempt(60_000, 42_000, 126_000), 42_000);
  }
});

Deno.test("Pace does not count an outage", () => {
  const { attempt } = pace();
  assert.equal(attempt(600_000, 0), 0);
  assert.equal(attempt(1000, 3_000_000), 3_000_000);
});
