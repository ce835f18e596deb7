import assert from "node:assert/strict";
import { type Kind, PullamaError } from "../../src/core/errors.ts";
import { Backoff } from "../../src/transfer/retry/backoff.ts";

const MIB = 1 << 20;

/** A clock that stands still until it is told how far to go on. */
function still() {
  let now = 0;
  return {
    now: () => now,
    random: () => 0.5,
    sleep: () => Promise.reject(new Error("nobody sleeps here")),
    pass: (ms: number) => now += ms,
  };
}

function patience(policy: { maxRetries?: number; retryForMs?: number } = {}) {
  const clock = still();
  const it = new Backoff({ maxRetries: 6, retryForMs: 0, ...policy }, clock);
  const attempt =
    (served: boolean) => (kind: Kind, bytes = 0, wanted = 64 * MIB, retryAfterMs?: number) => {
      const error = new PullamaError(kind, "x", retryAfterMs === undefined ? {} : { retryAfterMs });
      return it.after(error, bytes, wanted, served).waitMs;
    };
  return { after: attempt(false), afterServed: attempt(true), clock };
}

Deno.test("Patience waits longer each time, and ends after the retries that are forgiven", () => {
  const { after } = patience();
  const waits = Array.from({ length: 6 }, () => after("network"));
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 32_000]);
  assert.throws(() => after("timeout"), { kind: "timeout" });
});

Deno.test("Patience waits two minutes at most, before chance has its say", () => {
  const { after } = patience({ maxRetries: 20 });
  const waits = Array.from({ length: 20 }, () => after("unavailable"));
  assert.equal(Math.max(...waits), 120_000);
});

for (const kind of ["usage", "not_found", "auth", "disk_full", "local", "tls", "size"] as const) {
  Deno.test(`Patience has none with ${kind}`, () => {
    assert.throws(() => patience().after(kind, 10 * MIB), { kind });
  });
}

for (const kind of ["usage", "disk_full", "local", "size"] as const) {
  Deno.test(`Backoff never retries ${kind}`, () => {
    assert.throws(() => patience({ retryForMs: Infinity }).afterServed(kind, 10 * MIB), { kind });
  });
}

for (const kind of ["not_found", "auth", "refused", "redirect", "tls"] as const) {
  Deno.test(`Backoff retries ${kind} like an outage once the server has sent bytes`, () => {
    const { afterServed, clock } = patience({ maxRetries: 2, retryForMs: 3_600_000 });
    assert.deepEqual([afterServed(kind), afterServed(kind)], [1000, 2000]);
    const waits = Array.from({ length: 20 }, () => afterServed(kind));
    assert.equal(Math.max(...waits), kind === "tls" ? 5000 : 60_000);
    clock.pass(3_600_000);
    assert.throws(() => afterServed(kind), { kind });
  });
}

Deno.test("Patience of 0 retries forgives nothing but an attempt that went well", () => {
  const { after } = patience({ maxRetries: 0 });
  assert.throws(() => after("network"), { kind: "network" });
  assert.equal(after("network", MIB), 0);
});

Deno.test("Patience lets the next attempt follow at once when one went well, once a second", () => {
  const { after, clock } = patience();
  assert.equal(after("network", MIB), 0);
  assert.equal(after("network", MIB), 1000);
  clock.pass(5000);
  assert.equal(after("network", MIB), 0);
  clock.pass(400);
  assert.equal(after("network", MIB), 600);
});

Deno.test("Patience counts a hundredth of a small piece as having gone well", () => {
  const { after } = patience();
  assert.equal(after("network", 1000, 100_000), 0);
  assert.ok(after("network", 999, 100_000) > 0);
});

Deno.test("Patience begins to count again after an attempt that brought bytes", () => {
  const { after } = patience({ maxRetries: 2 });
  after("network");
  after("network");
  after("network", MIB);
  assert.equal(after("network"), 1000);
  assert.equal(after("network"), 2000);
  assert.throws(() => after("network"));
});

Deno.test("Patience goes on for as long as it was told when the line is gone", () => {
  const { after, clock } = patience({ maxRetries: 1, retryForMs: 60_000 });
  after("network");
  clock.pass(59_999);
  after("network");
  after("network");
  clock.pass(1);
  assert.throws(() => after("network"));

  const forever = patience({ maxRetries: 0, retryForMs: Infinity });
  for (let k = 0; k < 1000; k++) {
    forever.clock.pass(forever.after("network"));
  }
});

Deno.test("Patience looks every few seconds whether a line is back that is gone for hours", () => {
  const { after } = patience({ retryForMs: Infinity });
  const waits = Array.from({ length: 20 }, () => after("network"));
  assert.deepEqual(waits.slice(0, 4), [1000, 2000, 4000, 5000]);
  assert.equal(Math.max(...waits), 5000);
  assert.equal(Math.max(...Array.from({ length: 20 }, () => after("unavailable"))), 60_000);
});

Deno.test("Patience waits as long as the server asks, up to ten minutes", () => {
  const { after } = patience();
  assert.equal(after("unavailable", 0, MIB, 5000), 5000);
  assert.equal(after("unavailable", 0, MIB, 600_000), 600_000);
  assert.throws(() => after("unavailable", 0, MIB, 600_001), /asks to retry after/);
});

Deno.test("Patience asks for a new address at once, then later, and 5 times", () => {
  const { after } = patience();
  assert.deepEqual(Array.from({ length: 5 }, () => after("stale")), [0, 1000, 2000, 4000, 8000]);
  assert.throws(() => after("stale"), { kind: "stale" });
});

Deno.test("Backoff requests new addresses for as long as --retry-for allows, of a server that has sent bytes", () => {
  const { afterServed, clock } = patience({ retryForMs: 3_600_000 });
  const waits = Array.from({ length: 12 }, () => afterServed("stale"));
  assert.deepEqual(waits.slice(0, 6), [0, 1000, 2000, 4000, 8000, 16_000]);
  assert.equal(Math.max(...waits), 60_000);
  clock.pass(3_600_000);
  assert.throws(() => afterServed("stale"), { kind: "stale" });
});
