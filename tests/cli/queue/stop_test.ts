import assert from "node:assert/strict";
import { stopSteps } from "../../../src/core/stop.ts";

function aborted({ stop }: ReturnType<typeof stopSteps>): boolean[] {
  return [stop.soft.aborted, stop.hard.aborted];
}

Deno.test("stopSteps() has two steps, and returns false from the last one on", () => {
  const steps = stopSteps();
  assert.equal(steps.next("a"), true);
  assert.deepEqual(aborted(steps), [true, false]);
  assert.equal(steps.stop.soft.reason, "a");
  assert.equal(steps.next("b"), false);
  assert.deepEqual(aborted(steps), [true, true]);
  assert.equal(steps.next("c"), false);
});

Deno.test("afterThis() inserts one step before them, once", () => {
  const steps = stopSteps();
  const after = steps.stop.afterThis!();
  assert.equal(steps.stop.afterThis!(), after);
  assert.equal(steps.next("a"), true);
  assert.deepEqual([after.aborted, after.reason, ...aborted(steps)], [true, "a", false, false]);
  assert.equal(steps.next("b"), true);
  assert.deepEqual(aborted(steps), [true, false]);
  assert.equal(steps.next("c"), false);
  assert.deepEqual(aborted(steps), [true, true]);
});

Deno.test("afterThis() is already aborted if a stop was requested before", () => {
  const steps = stopSteps();
  steps.next("a");
  assert.equal(steps.stop.afterThis!().aborted, true);
  assert.equal(steps.next("b"), false);
  assert.deepEqual(aborted(steps), [true, true]);
});
