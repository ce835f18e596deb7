import assert from "node:assert/strict";
import type { PaceState } from "../../src/core/events.ts";
import type { PullPace } from "../../src/transfer/pace.ts";
import { quiet } from "../crash/kills.ts";
import { until } from "../crash/scene.ts";
import { type World, world } from "./world.ts";

const MIB = 1 << 20;

/** A pace that a test changes. */
class Switch implements PullPace {
  readonly #listeners = new Set<() => void>();

  constructor(public state: PaceState = {}) {}

  get rate(): number | undefined {
    return this.state.rate;
  }

  get open(): boolean {
    return this.state.closed === undefined;
  }

  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  set(state: PaceState): void {
    this.state = state;
    for (const listener of this.#listeners) listener();
  }
}

/** A pull of a model with large and small blobs, of which `bytes` have arrived. */
async function pulling(
  place: World,
  pace: Switch,
  connections: number | undefined,
  bytes = 2 * MIB,
) {
  const model = place.tiny(12 * MIB);
  let done = 0;
  const arrived = Promise.withResolvers<void>();
  place.registry.faults.data = () => ({ bytesPerSecond: 4 * MIB });
  const pull = place.start(model.name, {
    settings: { connections },
    pace,
    onEvent(event) {
      if (event.event === "bytes") done += event.count;
      if (done >= bytes) arrived.resolve();
    },
  });
  await arrived.promise;
  return { model, pull, done: () => done };
}

for (const connections of [1, 4, undefined]) {
  Deno.test(`a paused pull of ${connections ?? "any number of"} connections requests nothing, and continues at the byte`, async () => {
    await using place = await world();
    const pace = new Switch();
    const { model, pull, done } = await pulling(place, pace, connections);
    pace.set({ closed: "paused" });
    await quiet(place.registry);
    const [requests, before] = [place.registry.requests.length, done()];
    // What has arrived by now is all that arrives: a bounded wait, in which four connections would receive megabytes.
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(place.registry.requests.length, requests);
    assert.ok(
      done() - before < 4 * MIB && done() < 10 * MIB,
      `${done() - before} bytes while paused`,
    );
    delete place.registry.faults.data;
    pace.set({});
    const summary = (await pull.result)!;
    place.assertInstalled(model);
    const size = model.layers.reduce((sum, { size }) => sum + size, 0);
    assert.ok(summary.fetched < size + 2 * MIB, `${summary.fetched} bytes of ${size}`);
    const told = pull.events.flatMap((event) => event.event === "pace" ? [event.closed] : []);
    assert.deepEqual(told, ["paused", undefined]);
    assert.equal(pull.events.some(({ event }) => event === "retry" || event === "stall"), false);
  });
}

Deno.test("a paused pull ends at once when it is stopped, and keeps what has arrived", async () => {
  await using place = await world();
  const pace = new Switch();
  const { pull, model } = await pulling(place, pace, 4);
  pace.set({ closed: "window", until: Date.now() + 3_600_000 });
  await quiet(place.registry);
  pull.stop();
  await assert.rejects(pull.result, { kind: "interrupted" });
  const kept = pull.events.findLast(({ event }) => event === "pull_interrupted")!;
  assert.ok(kept.event === "pull_interrupted" && kept.kept >= 2 * MIB);
  delete place.registry.faults.data;
  await place.pull(model.name);
  place.assertInstalled(model);
});

Deno.test("a pull that begins while it is paused waits with its first byte of a blob", async () => {
  await using place = await world();
  const pace = new Switch({ closed: "paused" });
  const model = place.tiny(3 * MIB);
  const pull = place.start(model.name, { pace });
  await until(
    () => pull.events.some(({ event }) => event === "pace"),
    "the pull does not say that it waits",
  );
  await quiet(place.registry);
  assert.ok(place.registry.requests.every(({ path }) => path.includes("/manifests/")));
  pace.set({ rate: 50_000_000, from: "folder" });
  await pull.result;
  place.assertInstalled(model);
});

Deno.test("a model that is complete on disk is not kept waiting by a pause", async () => {
  await using place = await world();
  const model = place.tiny(3 * MIB);
  await place.pull(model.name);
  const served = place.registry.served(model.weights.digest);
  const again = await place.pull(model.name, { pace: new Switch({ closed: "paused" }) });
  assert.equal((await again.result)!.fetched, 0);
  assert.equal(place.registry.served(model.weights.digest), served);
});

Deno.test("a server without ranges is not asked for the whole blob again after a pause", async () => {
  await using place = await world();
  place.registry.faults.blob = () => ({ ignoreRange: true });
  const pace = new Switch();
  const { model, pull } = await pulling(place, pace, 4);
  pace.set({ closed: "paused" });
  await new Promise((resolve) => setTimeout(resolve, 200));
  pace.set({});
  await pull.result;
  place.assertInstalled(model);
  assert.equal(
    place.registry.requests.filter(({ path }) => path.includes(model.weights.digest)).length,
    1,
  );
});

Deno.test("the rate of a running pull can be raised and lowered", async () => {
  await using place = await world();
  const pace = new Switch({ rate: 200_000 });
  const model = place.tiny(6 * MIB);
  const pull = place.start(model.name, { pace, settings: { connections: 2 } });
  await until(() => pull.events.some(({ event }) => event === "bytes"), "no bytes");
  pace.set({ from: "folder" });
  const summary = (await pull.result)!;
  place.assertInstalled(model);
  // At the first rate it would have taken half a minute.
  assert.ok(summary.elapsedMs < 15_000, `${summary.elapsedMs} ms`);
});
