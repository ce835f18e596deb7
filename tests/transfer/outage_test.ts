import assert from "node:assert/strict";
import { MIB, type Pull, world } from "./world.ts";

function waitings(pull: Pull) {
  return pull.events.flatMap((event) => event.event === "waiting" ? event : []);
}

Deno.test("a line that is gone for an hour is waited for, with a word a minute", async () => {
  await using place = await world();
  const model = place.tiny(MIB);
  let since: number | undefined;
  const pull = place.start(model.name, { settings: { retryForMs: Infinity, maxRetries: 2 } });
  place.registry.faults.manifest = () => {
    since ??= pull.clock.now();
    return pull.clock.now() - since < 3_600_000 ? { hangUp: "reset" } : undefined;
  };
  await pull.result;
  place.assertInstalled(model);
  const said = waitings(pull);
  assert.ok(said.length >= 54 && said.length <= 60, `${said.length} times in an hour`);
  assert.equal(said[0]!.error.kind, "network");
  assert.ok(said.every(({ sinceMs }, k) => k === 0 || sinceMs >= said[k - 1]!.sinceMs + 60_000));
  assert.ok(Math.max(...pull.clock.waits) <= 5000, "it is back within seconds");
  const retries = pull.events.filter(({ event }) => event === "retry");
  assert.equal(retries.length, 2, "nobody counts retries while the line is gone");
});

Deno.test("four connections say together, not each, that the line is gone", async () => {
  await using place = await world();
  const model = place.tiny(24 * MIB);
  const { digest } = model.weights;
  let since: number | undefined;
  const pull = place.start(model.name, { settings: { retryForMs: 3_600_000, maxRetries: 0 } });
  place.registry.faults.data = ({ path }, n) => {
    if (!path.endsWith(digest) || n < 4) return undefined;
    since ??= pull.clock.now();
    return pull.clock.now() - since < 600_000 ? { hangUp: "reset" } : undefined;
  };
  await pull.result;
  place.assertInstalled(model);
  const said = waitings(pull).length;
  assert.ok(said >= 1 && said <= 11, `${said} times in ten minutes`);
});

Deno.test("a line that stays gone longer than it was told to wait ends the pull", async () => {
  await using place = await world();
  const model = place.tiny(MIB);
  place.registry.faults.manifest = () => ({ hangUp: "reset" });
  const { error, clock } = await place.fail(model.name, {
    settings: { retryForMs: 120_000, maxRetries: 2 },
  });
  assert.equal(error.kind, "network");
  const waited = clock.waits.reduce((sum, ms) => sum + ms, 0);
  assert.ok(waited >= 110_000 && waited <= 130_000, `${waited} ms`);
});
