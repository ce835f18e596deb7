import assert from "node:assert/strict";
import { exists } from "../fakes/exists.ts";
import { closeAfter, contentRange, htmlPage, multipart, resetAfter } from "../fakes/faults.ts";
import { count, MIB, takenOver, type World, world } from "./world.ts";

/** Bytes of the weights that were sent beyond those that are needed. */
async function excess(
  place: World,
  { digest, size }: { digest: `sha256:${string}`; size: number },
) {
  await Promise.all(place.registry.requests.map(({ over }) => over));
  return place.registry.served(digest) - size;
}

Deno.test("case 17: 500 twice for the manifest is waited out", async () => {
  await using place = await world();
  const model = place.tiny(MIB);
  place.registry.faults.manifest = (_, n) => n <= 2 ? { status: 500 } : undefined;
  const pull = await place.pull(model.name);
  place.assertInstalled(model);
  assert.deepEqual(pull.clock.waits, [1000, 2000]);
});

Deno.test("case 18: 429 with Retry-After is waited out for that long", async () => {
  await using place = await world();
  const model = place.tiny(MIB);
  place.registry.faults.manifest = (_, n) =>
    n === 1 ? { status: 429, headers: { "retry-after": "7" } } : undefined;
  const pull = await place.pull(model.name);
  assert.ok(Math.max(...pull.clock.waits) >= 6999, `${pull.clock.waits}`);
});

Deno.test("case 18: Retry-After holds back every connection", async () => {
  await using place = await world();
  const model = place.tiny(24 * MIB);
  place.registry.faults.data = ({ path }, n) =>
    path.endsWith(model.weights.digest) && n === 2
      ? { status: 429, headers: { "retry-after": "100" } }
      : undefined;
  const pull = await place.pull(model.name);
  place.assertInstalled(model);
  assert.ok(pull.clock.waits.some((ms) => ms >= 99_000));
});

Deno.test("case 18: a Retry-After of a day ends the pull", async () => {
  await using place = await world();
  const model = place.tiny(MIB);
  place.registry.faults.manifest = () => ({ status: 429, headers: { "retry-after": "86400" } });
  const { error, clock } = await place.fail(model.name);
  assert.equal(error.kind, "unavailable");
  assert.match(error.message, /asks to retry after /);
  assert.deepEqual(clock.waits, []);
  assert.deepEqual(place.tree(), []);
});

Deno.test("case 19: 502 with a page for ever ends after the retries, without the page", async () => {
  await using place = await world();
  const model = place.tiny(MIB);
  place.registry.faults.manifest = () => htmlPage(502);
  const { error, clock } = await place.fail(model.name, { settings: { maxRetries: 4 } });
  assert.equal(error.kind, "unavailable");
  assert.equal(clock.waits.length, 4);
  assert.doesNotMatch(error.message, /</);
  assert.deepEqual(place.tree(), []);
});

Deno.test("case 19: a blob that never comes ends after the retries and keeps the others", async () => {
  await using place = await world();
  const model = place.tiny(4 * MIB);
  const others = [...model.layers, model.config!].filter(({ digest }) =>
    digest !== model.weights.digest
  );
  const kept = () => others.filter(({ digest }) => exists(place.blob(digest, "ready")));
  place.registry.faults.data = async ({ path }) => {
    if (!path.endsWith(model.weights.digest)) return undefined;
    // Only then it fails: what is still on its way at the end of a pull is dropped.
    while (kept().length < others.length) await new Promise((resolve) => setTimeout(resolve, 1));
    return { status: 503 };
  };
  const { error, clock } = await place.fail(model.name, {
    settings: { connections: 2, perBlob: 1, maxRetries: 3 },
  });
  assert.equal(error.kind, "unavailable");
  assert.equal(clock.waits.length, 3);
  assert.ok(!place.tree().some((path) => path.startsWith("manifests/")));

  delete place.registry.faults.data;
  const asked = place.registry.requests.length;
  await place.pull(model.name);
  place.assertInstalled(model);
  const blobs = place.registry.requests.slice(asked).filter(({ path }) => path.includes("/blobs/"));
  assert.ok(blobs.every(({ path }) => path.endsWith(model.weights.digest)));
});

Deno.test("case 25: a manifest that is not what its header says is fetched again, then refused", async () => {
  await using place = await world();
  const model = place.tiny(MIB);
  const wrong = { headers: { "docker-content-digest": `sha256:${"0".repeat(64)}` } };
  place.registry.faults.manifest = (_, n) => n === 1 ? wrong : undefined;
  await place.pull(model.name);
  place.assertInstalled(model);
  place.registry.faults.manifest = () => wrong;
  const { error } = await place.fail(model.name);
  assert.equal(error.kind, "digest");
  assert.match(error.message, /manifest/);
});

for (
  const [what, fault] of [
    ["refuses ranges with 400", { status: 400 }],
    ["refuses ranges with 416", { status: 416 }],
    ["refuses ranges with 501", { status: 501 }],
    ["sends parts without Content-Range", contentRange(undefined)],
  ] as const
) {
  for (const connections of [1, undefined]) {
    Deno.test(`case 40: a server that ${what} sends each blob once and whole to ${connections ?? "any number of"} connections`, async () => {
      await using place = await world();
      const model = place.tiny(12 * MIB);
      place.registry.faults.data = ({ headers }) =>
        headers.has("range") ? fault : { ignoreRange: true };
      const pull = await place.pull(model.name, { settings: { connections } });
      place.assertInstalled(model);
      assert.equal(count(pull, "retry"), 0);
      const warnings = pull.events.filter((event) => event.event === "warning");
      assert.equal(warnings.length, 1);
      assert.match(
        warnings[0]!.message,
        /refuses requests for parts of blobs \((400|416|501|206)\)/,
      );
      const whole = place.registry.requests.filter(({ path, headers, sent }) =>
        path.endsWith(model.weights.digest) && !headers.has("range") && sent > 0
      );
      assert.deepEqual(whole.map(({ sent }) => sent), [model.weights.size]);
    });
  }
}

for (const connections of [1, 4]) {
  Deno.test(`case 40: a server that ignores ranges sends a blob once to ${connections} connections`, async () => {
    await using place = await world();
    const model = place.tiny(40 * MIB);
    place.registry.faults.data = () => ({ ignoreRange: true });
    const pull = await place.pull(model.name, { settings: { connections, chunkSize: 8 * MIB } });
    place.assertInstalled(model);
    assert.equal(count(pull, "retry"), 0);
    assert.equal(await excess(place, model.weights), 0);
  });
}

Deno.test("case 40: a server that ignores ranges and breaks off is read up to where it was", async () => {
  await using place = await world();
  const model = place.tiny(24 * MIB);
  place.registry.faults.data = ({ path }, n) =>
    path.endsWith(model.weights.digest)
      ? { ignoreRange: true, ...(n <= 5 ? resetAfter(n * 4 * MIB) : {}) }
      : undefined;
  await place.pull(model.name);
  place.assertInstalled(model);
});

Deno.test("case 40: a server that ignores ranges, breaks off and is slow to answer is not asked again before it does", async () => {
  await using place = await world();
  const model = place.tiny(12 * MIB);
  const isWeights = ({ path }: { path: string }) => path.endsWith(model.weights.digest);
  place.registry.faults.data = (request, n) =>
    isWeights(request)
      ? { ignoreRange: true, ...(n === 1 ? resetAfter(4 * MIB) : { delayMs: 3000 }) }
      : undefined;
  const pull = await place.pull(model.name, { settings: { chunkSize: 16 * MIB } });
  place.assertInstalled(model);
  // The first of each connection, and the one after the first body broke off.
  assert.ok(place.registry.requests.filter(isWeights).length <= 4 + 1);
  assert.ok(count(pull, "chunk_start") <= 4);
});

Deno.test("case 40: a server that ceases to do ranges half way is followed", async () => {
  await using place = await world();
  const model = place.tiny(40 * MIB);
  place.registry.faults.data = (_, n) => n > 6 ? { ignoreRange: true } : undefined;
  await place.pull(model.name, { settings: { chunkSize: 4 * MIB } });
  place.assertInstalled(model);
});

for (
  const [what, fault] of [
    ["one byte off", contentRange("bytes 1-4194304/*")],
    ["of multipart/byteranges", multipart()],
    ["with gzip", { gzip: true }],
  ] as const
) {
  Deno.test(`case 46, 47, 50: an answer ${what} is not written, tried again, and refused in the end`, async () => {
    await using place = await world();
    const model = place.tiny(4 * MIB);
    const weights = ({ path }: { path: string }) => path.endsWith(model.weights.digest);
    place.registry.faults.data = (request, n) => weights(request) && n <= 2 ? fault : undefined;
    await place.pull(model.name, { settings: { connections: 1 } });
    place.assertInstalled(model);
    const other = place.tiny(4 * MIB, 2);
    place.registry.faults.data = (request) =>
      request.path.endsWith(other.weights.digest) ? fault : undefined;
    const { error } = await place.fail(other.name, { settings: { connections: 1 } });
    assert.equal(error.kind, "protocol");
    assert.ok(
      place.registry.requests.every(({ headers }) => headers.get("accept-encoding") === "identity"),
    );
  });
}

Deno.test("case 46: a total unlike the size is permanent at the second time", async () => {
  await using place = await world();
  const model = place.tiny(4 * MIB);
  place.registry.faults.data = ({ path, range }) =>
    path.endsWith(model.weights.digest)
      ? contentRange(`bytes ${range!.start}-${range!.end - 1}/999999999`)
      : undefined;
  const { error } = await place.fail(model.name, { settings: { connections: 1 } });
  assert.equal(error.kind, "size");
});

Deno.test("case 48: an answer that is shorter than asked is followed by a request for the rest", async () => {
  await using place = await world();
  const model = place.tiny(12 * MIB);
  place.registry.faults.data = () => ({ atMost: 1_000_003 });
  const pull = await place.pull(model.name);
  place.assertInstalled(model);
  assert.equal(await excess(place, model.weights), 0);
  assert.equal(count(pull, "retry"), 0);
});

for (const chunked of [false, true]) {
  Deno.test(`case 49: what comes beyond the announced is cut off${chunked ? ", also without a length" : ""}`, async () => {
    await using place = await world();
    const model = place.tiny(6 * MIB);
    place.registry.faults.data = () => ({ extraBytes: 5000, chunked });
    await place.pull(model.name);
    place.assertInstalled(model);
  });
}

for (const connections of [1, 4]) {
  Deno.test(`case 52: a reset after each MiB costs ${connections} connections nothing twice`, async () => {
    await using place = await world();
    const model = place.tiny(17 * MIB);
    place.registry.faults.data = () => resetAfter(MIB);
    const pull = await place.pull(model.name, { settings: { connections, maxRetries: 1 } });
    place.assertInstalled(model);
    const more = await excess(place, model.weights);
    // Windows drops what has arrived and was not read before a reset.
    const most = takenOver(pull) + (Deno.build.os === "windows" ? 8 * MIB : 64 * 1024);
    assert.ok(more <= most, `${more} bytes came twice`);
    assert.equal(count(pull, "bytes_lost"), 0);
  });
}

Deno.test("a small blob that always breaks off in the middle is gone on with", async () => {
  await using place = await world();
  const model = place.tiny(800_000);
  place.registry.faults.data = () => closeAfter(300_000);
  await place.pull(model.name, { settings: { maxRetries: 0 } });
  place.assertInstalled(model);
  assert.equal(await excess(place, model.weights), 0);
});

Deno.test("a small blob whose server breaks off at the same place of the whole is given up", async () => {
  await using place = await world();
  const model = place.tiny(800_000);
  place.registry.faults.data = ({ path }) =>
    path.endsWith(model.weights.digest) ? { ignoreRange: true, ...resetAfter(300_000) } : undefined;
  const { error } = await place.fail(model.name);
  assert.equal(error.kind, "network");
});

Deno.test("a large blob whose server breaks off at the same place of the whole is given up", async () => {
  await using place = await world();
  const model = place.tiny(8 * MIB);
  place.registry.faults.data = ({ path }) =>
    path.endsWith(model.weights.digest) ? { ignoreRange: true, ...resetAfter(3 * MIB) } : undefined;
  const { error } = await place.fail(model.name);
  assert.equal(error.kind, "network");
});

Deno.test("case 56: a signed address that expires half way is asked for again, on another host", async () => {
  await using place = await world({ blobHosts: 2 });
  const model = place.tiny(24 * MIB);
  let expired = false;
  place.registry.faults.data = (_, n) => {
    if (n === 4 && !expired) {
      expired = true;
      place.registry.expireAddresses();
    }
    return undefined;
  };
  const pull = await place.pull(model.name, { settings: { chunkSize: 2 * MIB } });
  place.assertInstalled(model);
  assert.ok(expired);
  assert.equal(await excess(place, model.weights), 0);
  assert.ok(count(pull, "retry") > 0);
  const hosts = new Set(
    place.registry.requests.filter(({ sent, server }) => server === "blobs" && sent > MIB)
      .map(({ host }) => host),
  );
  assert.equal(hosts.size, 2);
});

Deno.test("case 57: 403 at every address ends after 5 new ones and keeps what was there", async () => {
  await using place = await world({ blobHosts: 1 });
  const model = place.tiny(8 * MIB);
  const hex = model.weights.digest.slice(7);
  place.registry.faults.data = ({ path }) => path.includes(hex) ? { status: 403 } : undefined;
  const { error } = await place.fail(model.name, { settings: { connections: 1 } });
  assert.equal(error.kind, "stale");
  const resolved = place.registry.requests.filter(({ path }) =>
    path.endsWith(model.weights.digest)
  );
  assert.equal(resolved.length, 6);
});

Deno.test("case 59: a page in place of the blob never gets its name", async () => {
  await using place = await world();
  const model = place.tiny(4 * MIB);
  place.registry.faults.data = ({ path }) =>
    path.endsWith(model.weights.digest) ? htmlPage(200) : undefined;
  await place.fail(model.name);
  assert.ok(!place.tree().some((path) => path.startsWith("manifests/") || /^blobs\/./.test(path)));
});
