import assert from "node:assert/strict";
import { slowed } from "../fakes/capacity.ts";
import { closeAfter, stallAfter } from "../fakes/faults.ts";
import { count, MIB, takenOver, world } from "./world.ts";

Deno.test("case 55: a connection that falls silent is replaced while the others go on", async () => {
  await using place = await world({ bytesPerSecond: 16 * MIB });
  const model = place.tiny(24 * MIB);
  const { digest, size } = model.weights;
  place.registry.faults.data = ({ path }, n) =>
    path.endsWith(digest) && n === 2 ? stallAfter(300_000) : undefined;
  const pull = await place.pull(model.name, {
    silence: { alone: 60_000, besideOthers: await slowed(800) },
  });
  place.assertInstalled(model);
  // None where another connection has received the same range before its silence was long enough.
  assert.ok(count(pull, "stall") <= 1);
  const stalled = place.registry.requests.filter(({ path }) => path.endsWith(digest))[1]!;
  // Its connection is gone: the read was ended and not merely forgotten.
  assert.equal(await stalled.over, "broken");
  await stalled.closed;
  // Where one connection takes over from another, what was on its way is sent twice: on a busy computer more of it.
  const twice = place.registry.served(digest) - size;
  assert.ok(twice < 4 * MIB, `${twice} bytes were sent twice`);
});

for (const connections of [1, 4]) {
  Deno.test(`case 55: when all of ${connections} connections fall silent each goes on where it was`, async () => {
    await using place = await world();
    const model = place.tiny(12 * MIB);
    const { digest, size } = model.weights;
    place.registry.faults.data = ({ path }, n) =>
      path.endsWith(digest) && n <= connections ? stallAfter(1_500_000) : undefined;
    const pull = await place.pull(model.name, {
      settings: { connections, maxRetries: 0, chunkSize: 2 * MIB },
      silence: { alone: 200, besideOthers: 200 },
    });
    place.assertInstalled(model);
    const stalls = count(pull, "stall");
    assert.ok(stalls >= 1 && stalls <= connections, `${stalls} stalls`);
    const twice = place.registry.served(digest) - size;
    assert.ok(twice >= 0 && twice <= takenOver(pull), `${twice} bytes came twice`);
  });
}

/** Makes so much garbage that all there is of it is collected. */
async function collectGarbage(): Promise<void> {
  for (let k = 0; k < 200; k++) {
    new Uint8Array(4 * MIB).fill(k);
    await new Promise((resolve) => setTimeout(resolve));
  }
}

Deno.test("a stop ends a silent connection also when garbage was collected meanwhile", async () => {
  await using place = await world();
  const model = place.tiny(8 * MIB);
  const silent = Promise.withResolvers<void>();
  place.registry.faults.data = ({ path }, n) => {
    if (!path.endsWith(model.weights.digest)) return undefined;
    if (n === 2) silent.resolve();
    return stallAfter(1_000_000);
  };
  const pull = place.start(model.name);
  await silent.promise;
  await collectGarbage();
  pull.stop();
  await assert.rejects(pull.result, { kind: "interrupted" });
  const last = pull.events.at(-1)!;
  assert.ok(last.event === "pull_interrupted" && last.kept >= 2_000_000, JSON.stringify(last));
});

Deno.test("a stop ends a manifest that stays away half way, also when garbage was collected", async () => {
  await using place = await world();
  const model = place.tiny(MIB);
  const asked = Promise.withResolvers<void>();
  place.registry.faults.manifest = () => {
    asked.resolve();
    return stallAfter(100);
  };
  const pull = place.start(model.name);
  await asked.promise;
  await collectGarbage();
  pull.stop();
  await assert.rejects(pull.result, { kind: "interrupted" });
  assert.deepEqual(place.tree(), []);
});

Deno.test("case 53: a trickle counts as silence", async () => {
  await using place = await world();
  const model = place.tiny(2 * MIB);
  const { digest } = model.weights;
  place.registry.faults.data = ({ path }, n) =>
    path.endsWith(digest) && n === 1 ? { bytesPerSecond: 50 } : undefined;
  const pull = await place.pull(model.name, {
    settings: { connections: 1 },
    silence: { slowest: 1000, slowMs: 300, alone: 1000, besideOthers: 1000 },
  });
  place.assertInstalled(model);
  assert.equal(count(pull, "stall"), 1);
  const { error } = pull.events.find((event) => event.event === "retry")!;
  assert.equal(error.message, "under 1 kB/s for 300ms");
});

Deno.test("case 53: a connection that is much slower than the others is replaced", async () => {
  await using place = await world({ bytesPerSecond: 8 * MIB });
  const model = place.tiny(16 * MIB);
  const { digest } = model.weights;
  place.registry.faults.data = ({ path }, n) =>
    path.endsWith(digest) && n === 2 ? { bytesPerSecond: 500 } : undefined;
  const pull = await place.pull(model.name, { silence: { slowest: 100_000, slowMs: 300 } });
  place.assertInstalled(model);
  assert.equal(count(pull, "stall"), 1);
});

Deno.test("case 53: on a network that is slow for all connections none is replaced", async () => {
  await using place = await world({ bytesPerSecond: 400_000 });
  const model = place.tiny(900_000 + MIB);
  // A quarter for each connection: below the minimum, which all together exceed.
  const silence = { slowest: 130_000, slowMs: await slowed(300) };
  const pull = await place.pull(model.name, { silence, settings: { chunkSize: MIB / 2 } });
  place.assertInstalled(model);
  const { digest } = model.weights;
  const used = new Set(
    place.registry.requests.filter(({ path }) => path.endsWith(digest)).map((one) =>
      one.connection
    ),
  );
  assert.ok(used.size > 1, `${used.size} connections`);
  assert.deepEqual([count(pull, "stall"), count(pull, "retry")], [0, 0]);
});

for (const connections of [1, 4]) {
  Deno.test(`case 53: a byte now and then on all of ${connections} connections ends the pull`, async () => {
    await using place = await world();
    const model = place.tiny(2 * MIB);
    place.registry.faults.data = ({ path }) =>
      path.endsWith(model.weights.digest) ? { bytesPerSecond: 50 } : undefined;
    const { error, events } = await place.fail(model.name, {
      settings: { connections, maxRetries: 2 },
      silence: { slowest: 1000, slowMs: 300 },
    });
    assert.deepEqual([error.kind, error.message], ["timeout", "under 1 kB/s for 300ms"]);
    const stalls = events.filter(({ event }) => event === "stall").length;
    assert.ok(stalls >= 3 && stalls <= 3 * connections, `${stalls} stalls`);
  });
}

Deno.test("case 53: a few bytes on each of many connections end the pull as well", async () => {
  await using place = await world();
  const model = place.tiny(2 * MIB);
  const { digest } = model.weights;
  place.registry.faults.data = ({ path }) => path.endsWith(digest) ? closeAfter(20) : undefined;
  const settings = { connections: 2, maxRetries: 3 };
  const { error, events } = await place.fail(model.name, { settings });
  assert.equal(error.kind, "network");
  // The first minute counts as progress.
  const retries = events.filter(({ event }) => event === "retry").length;
  assert.ok(retries > 20 && retries < 400, `${retries} retries`);
});

Deno.test("what a very slow connection has in hand is shared by the others", async () => {
  await using place = await world();
  const model = place.tiny(16 * MIB);
  const { digest, size } = model.weights;
  place.registry.faults.data = ({ path, range }) =>
    path.endsWith(digest) && range!.start === 0 ? { bytesPerSecond: 400_000 } : undefined;
  const pull = await place.pull(model.name, { settings: { chunkSize: 16 * MIB } });
  place.assertInstalled(model);
  const first = place.registry.requests.find(({ path, range }) =>
    path.endsWith(digest) && range!.start === 0
  )!;
  assert.ok(first.range!.end - first.sent > MIB, "the slow one was relieved");
  assert.equal(count(pull, "retry"), 0);
  const twice = place.registry.served(digest) - size;
  assert.ok(twice >= 0 && twice < MIB + takenOver(pull), `${twice} bytes came twice`);
});

for (const connections of [1, 4]) {
  Deno.test(`--limit-rate holds ${connections} connections to the rate together`, async () => {
    await using place = await world();
    const model = place.tiny(3 * MIB);
    const limitRate = 500_000;
    const pull = await place.pull(model.name, { settings: { connections }, limitRate });
    place.assertInstalled(model);
    const seconds = (await pull.result)!.elapsedMs / 1000;
    const least = model.weights.size / limitRate;
    assert.ok(seconds > least * 0.9, `${seconds} s instead of ${least}`);
    const waited = pull.clock.waits.reduce((sum, ms) => sum + ms, 0) / 1000;
    assert.ok(waited < least * connections * 1.2, `${waited} s waited`);
    assert.equal(count(pull, "stall"), 0);
  });
}

Deno.test("--timeout ends an attempt that takes too long, and the next goes on from there", async () => {
  await using place = await world({ connectionBytesPerSecond: 4 * MIB });
  const model = place.tiny(3 * MIB);
  const pull = await place.pull(model.name, { settings: { connections: 1, timeoutMs: 250 } });
  place.assertInstalled(model);
  assert.ok(count(pull, "retry") >= 1);
  const twice = place.registry.served(model.weights.digest) - model.weights.size;
  assert.ok(twice < 3 * MIB, `${twice} bytes came twice`);
});

Deno.test("the retries are there again after each attempt that brought bytes", async () => {
  await using place = await world();
  const model = place.tiny(8 * MIB);
  place.registry.faults.data = ({ path }, n) => {
    if (!path.endsWith(model.weights.digest)) return undefined;
    return n % 3 === 0 ? { end: { after: 200_000, how: "close" } } : { status: 503 };
  };
  const pull = await place.pull(model.name, { settings: { connections: 1, maxRetries: 2 } });
  place.assertInstalled(model);
  assert.ok(count(pull, "retry") > 30);
  assert.equal(place.registry.served(model.weights.digest), model.weights.size);
});

Deno.test("a failure of one connection ends the others, keeps their bytes and is what the pull ends with", async () => {
  await using place = await world({ bytesPerSecond: 40 * MIB });
  const model = place.tiny(24 * MIB);
  const { digest, size } = model.weights;
  place.registry.faults.data = ({ path }, n) =>
    path.endsWith(digest) && n === 4 ? { status: 410 } : undefined;
  place.registry.faults.blob = ({ path }, n) =>
    path.endsWith(digest) && n === 4 ? { status: 403 } : undefined;
  const { error } = await place.fail(model.name, { settings: { maxRetries: 0 } });
  assert.ok(["auth", "not_found", "refused"].includes(error.kind), error.kind);
  delete place.registry.faults.data;
  delete place.registry.faults.blob;
  await place.pull(model.name);
  place.assertInstalled(model);
  const twice = place.registry.served(digest) - size;
  assert.ok(twice < 4 * MIB, `${twice} bytes came twice`);
});

const EVENTS = [
  "manifest",
  "blob_start",
  "bytes",
  "blob_verified",
  "chunk_start",
  "retry",
  "stall",
] as const;

Deno.test("a listener that throws ends the pull and leaves nothing running", async () => {
  await using place = await world();
  for (const [seed, event] of EVENTS.entries()) {
    const model = place.tiny(8 * MIB, seed);
    place.registry.faults.data = ({ path, range }, n) =>
      path.endsWith(model.weights.digest) && range!.start > 0 && n % 2 === 0
        ? stallAfter(30_000)
        : undefined;
    const pull = place.start(model.name, {
      silence: { alone: 200, besideOthers: 200 },
      onEvent: (one) => {
        if (one.event === event) throw new Error(`listener of ${event}`);
      },
    });
    await assert.rejects(pull.result, /listener of/, event);
  }
});

Deno.test("as many connections are used as serve, and the events say why", async () => {
  await using place = await world({ connectionBytesPerSecond: 6 * MIB });
  const model = place.tiny(96 * MIB);
  const settings = { connections: undefined, perBlob: Infinity };
  const silence = { besideOthers: await slowed(10_000) };
  const pull = await place.pull(model.name, { settings, silence });
  place.assertInstalled(model);
  const changes = pull.events.filter((event) => event.event === "connections");
  assert.ok(changes.length > 0);
  assert.ok(changes.every(({ reason }) => reason !== ""));
  const used = new Set(
    place.registry.requests.filter(({ path, sent }) =>
      path.endsWith(model.weights.digest) && sent > 0
    ).map(({ connection }) => connection),
  );
  assert.ok(used.size >= 8, `${used.size} connections`);
  assert.deepEqual([count(pull, "retry"), count(pull, "stall")], [0, 0]);
});

Deno.test("a server that responds 429 beyond six requests is served by fewer, and no attempt is lost", async () => {
  await using place = await world({ connectionBytesPerSecond: 6 * MIB });
  const model = place.tiny(96 * MIB);
  let active = 0;
  let refused = 0;
  place.registry.faults.data = (request) => {
    if (active >= 6) {
      refused++;
      return { status: 429 };
    }
    active++;
    request.over.finally(() => active--);
    return undefined;
  };
  const settings = { connections: undefined, perBlob: Infinity, maxRetries: 1 };
  const pull = await place.pull(model.name, { settings });
  place.assertInstalled(model);
  const changes = pull.events.filter((event) => event.event === "connections");
  assert.ok(refused > 0);
  assert.ok(changes.some(({ reason }) => /refused/.test(reason)));
  assert.ok(changes.at(-1)!.count <= 6, JSON.stringify(changes));
  assert.equal(place.registry.served(model.weights.digest), model.weights.size);
});

for (const connections of [1, 4, undefined]) {
  Deno.test(`--limit-rate lets ${connections ?? "any number of"} connections receive little that is not read`, async () => {
    await using place = await world();
    const model = place.tiny(24 * MIB);
    const limitRate = 1_000_000;
    let done = 0;
    const pull = place.start(model.name, {
      settings: { connections },
      limitRate,
      onEvent: (event, pull) => {
        if (event.event === "bytes") done += event.count;
        if (done > 3_000_000) pull.stop();
      },
    });
    await assert.rejects(pull.result, { kind: "interrupted" });
    await Promise.all(place.registry.requests.map(({ over }) => over));
    const more = place.registry.served(model.weights.digest) - done;
    assert.ok(more < 1.5 * limitRate, `${more} bytes more than were kept`);
  });
}
