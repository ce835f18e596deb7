import assert from "node:assert/strict";
import fc from "fast-check";
import { steadyEta } from "../../../src/ui/progress/eta.ts";
import { rateMeter } from "../../../src/ui/progress/rate.ts";
import { fakeClock } from "../fake_clock.ts";

const MEMORY_MS = 4_000;

Deno.test("rateMeter() is accurate from the first second on at a steady rate", () => {
  const clock = fakeClock();
  const meter = rateMeter(clock, MEMORY_MS);
  for (let i = 0; i < 400; i++) {
    meter.add(80_000);
    clock.advance(10);
    const rate = meter.rate();
    if (i < 99) assert.equal(rate, undefined);
    else assert.ok(Math.abs((rate ?? 0) - 8e6) < 0.02 * 8e6, `${rate}`);
  }
});

Deno.test("rateMeter() follows a change within a few seconds, without jumps", () => {
  const clock = fakeClock();
  const meter = rateMeter(clock, MEMORY_MS);
  let last: number | undefined;
  for (let i = 0; i < 400; i++) {
    meter.add(i < 200 ? 1_000_000 : 100_000);
    clock.advance(100);
    const rate = meter.rate();
    if (rate !== undefined && last !== undefined) assert.ok(Math.abs(rate - last) < 1.2e6);
    last = rate;
  }
  assert.ok(last !== undefined && last > 0.95e6 && last < 1.2e6, `${last}`);
});

Deno.test("rateMeter() falls while no bytes arrive, to 0 after eight seconds", () => {
  const clock = fakeClock();
  const meter = rateMeter(clock, MEMORY_MS);
  for (let i = 0; i < 100; i++) {
    meter.add(100_000);
    clock.advance(100);
  }
  const rates = Array.from({ length: 9 }, () => {
    clock.advance(1_000);
    return meter.rate() ?? NaN;
  });
  for (const [i, rate] of rates.entries()) assert.ok(i === 0 || rate <= rates[i - 1]!);
  assert.equal(rates.at(-1), 0);
});

Deno.test("rateMeter() stays between the slowest and the fastest rate measured", () => {
  const steps = fc.array(
    fc.record({ ms: fc.integer({ min: 250, max: 990 }), bytes: fc.integer({ min: 0, max: 1e9 }) }),
    { minLength: 5, maxLength: 60 },
  );
  fc.assert(fc.property(steps, (course) => {
    const clock = fakeClock();
    const meter = rateMeter(clock, MEMORY_MS);
    meter.add(1);
    for (const { ms, bytes } of course) {
      clock.advance(ms);
      meter.add(bytes);
    }
    const rates = course.map(({ ms, bytes }) => bytes / ms * 1_000);
    const rate = meter.rate() ?? NaN;
    assert.ok(rate >= Math.floor(Math.min(...rates)) && rate <= Math.ceil(Math.max(...rates)));
  }));
});

/** What `steadyEta` shows at every tenth of a second of a download at the rate `rateAt`. */
function shown(total: number, rateAt: (second: number) => number): number[] {
  const clock = fakeClock();
  const steady = steadyEta(clock);
  const times: number[] = [];
  let left = total;
  for (let tick = 0; left > 0 && tick < 36_000; tick++) {
    const rate = rateAt(tick / 10);
    times.push(steady(left / rate * 1_000) ?? NaN);
    left -= rate / 10;
    clock.advance(100);
  }
  return times;
}

Deno.test("steadyEta() counts down like a clock at a steady rate", () => {
  const times = shown(6e8, () => 1e6);
  assert.equal(times[0], 600_000);
  for (const [i, time] of times.entries()) {
    assert.ok(i === 0 || time <= times[i - 1]!, `up at ${i}`);
    assert.ok(Math.abs(time - (600_000 - i * 100)) <= 6_000, `${time} at ${i}`);
  }
});

Deno.test("steadyEta() changes by at most a few percent per second when the rate jumps", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.7, max: 1.3, noNaN: true }), { minLength: 7, maxLength: 50 }),
      (noise) => {
        const times = shown(
          1.2e8,
          (second) => 1e6 * noise[Math.floor(second * 10) % noise.length]!,
        );
        for (let i = 10; i < times.length; i++) {
          const change = Math.abs(times[i]! - times[i - 10]!);
          assert.ok(
            change <= 2_000 + 0.1 * times[i - 10]!,
            `${times[i - 10]} to ${times[i]} at ${i}`,
          );
        }
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test("steadyEta() follows within seconds when the rate drops to a tenth", () => {
  const clock = fakeClock();
  const steady = steadyEta(clock);
  steady(60_000);
  for (let i = 0; i < 80; i++) {
    clock.advance(100);
    steady(600_000);
  }
  const now = steady(600_000) ?? 0;
  assert.ok(now >= 480_000 && now <= 605_000, `${now}`);
});

Deno.test("steadyEta() is undefined while nothing can be measured, and starts over afterwards", () => {
  const clock = fakeClock();
  const steady = steadyEta(clock);
  assert.equal(steady(undefined), undefined);
  assert.equal(steady(30_000), 30_000);
  clock.advance(1_000);
  assert.equal(steady(undefined), undefined);
  clock.advance(1_000);
  assert.equal(steady(90_000), 90_000);
});
