import assert from "node:assert/strict";
import { PullamaError } from "../../src/core/errors.ts";
import { parseName } from "../../src/core/name.ts";
import type { PushEvent } from "../../src/core/reports/push.ts";
import type { PushSource, PushTarget } from "../../src/core/upload/target.ts";
import { systemClock } from "../../src/io/clock.ts";
import { RateLimit, steadyPace } from "../../src/io/limit.ts";
import { Pusher } from "../../src/push/push.ts";
import { openFolder } from "../../src/store/store.ts";
import { linkTo } from "../fakes/link.ts";
import { exists } from "../fakes/exists.ts";
import { makeModel } from "../fakes/model.ts";
import type { UploadFault, UploadRegistry, UploadRequest } from "../fakes/upload_registry.ts";
import { filesIn } from "../real/store.ts";
import { install } from "../store/installed_models.ts";
import { MiB, type Pushed, type PushWorld, pushWorld, SIZE } from "./world.ts";
import { testWith } from "../needs.ts";

const SMALL_BLOBS = 1000;

Deno.test("a pushed model has the same manifest and the same blobs", async () => {
  await using w = await pushWorld();
  const { summary, error } = await w.push();
  assert.equal(error, undefined);
  assertPushed(w);
  assert.equal(summary?.digest, `sha256:${w.tiny.hex}`);
  assert.ok(summary.sent > SIZE && summary.sent < SIZE + SMALL_BLOBS, `${summary.sent}`);
  const chunks = w.registry.requests.filter(({ method }) => method === "PATCH");
  assert.equal(chunks.length, 7);
  for (const { headers, received } of chunks) {
    assert.equal(headers.get("content-length"), String(received));
    const [, start, end] = /^(\d+)-(\d+)$/.exec(headers.get("content-range")!)!;
    assert.equal(Number(end) - Number(start) + 1, received);
  }
  // The manifest is last, and compared.
  assert.deepEqual(w.registry.asked().slice(-2), ["PUT manifests", "HEAD manifests"]);
  assert.equal(w.registry.open, 0);
});

Deno.test("no request has more bytes than a chunk may have", async () => {
  await using w = await pushWorld();
  install(w.models, "small/latest", makeModel({ size: 3 * MiB }));
  for (const chunkSize of [MiB / 2, 64 * MiB]) {
    const before = w.registry.requests.length;
    const [result] = await w.run(["small"], { settings: { chunkSize } });
    assert.equal(result?.error, undefined);
    const own = w.registry.requests.slice(before);
    assert.ok(own.every(({ received }) => received <= chunkSize));
    // A blob of a few megabytes is one request where that is allowed.
    assert.equal(own.some(({ method }) => method === "PATCH"), chunkSize < MiB);
    w.registry.blobs.clear();
  }
});

Deno.test("what a registry has is not sent again, and its tag is not set again", async () => {
  await using w = await pushWorld();
  await w.push();
  const before = w.registry.requests.length;
  const { summary, error, events } = await w.push();
  assert.deepEqual([error, summary?.sent], [undefined, 0]);
  const methods = w.registry.requests.slice(before).map(({ method }) => method);
  assert.deepEqual([...new Set(methods)], ["HEAD"]);
  const manifest = events.find(({ event }) => event === "manifest_pushed");
  assert.ok(manifest && "wasThere" in manifest && manifest.wasThere);
});

Deno.test("a blob of two models is mounted, or sent again where the registry knows no mounts", async () => {
  for (const mounts of [true, false]) {
    await using w = await pushWorld({ mounts });
    install(w.models, "twin/latest", makeModel({ size: SIZE, seed: 1 }));
    const [first, second] = await w.run(["tiny", "twin"]);
    assert.deepEqual([first?.error, second?.error], [undefined, undefined]);
    assert.deepEqual(
      [...w.registry.blobs.get("library/twin")!.keys()].sort(),
      [...w.registry.blobs.get("library/tiny")!.keys()].sort(),
    );
    assert.equal(second!.summary!.sent > SIZE, !mounts);
    assert.equal(second!.summary!.mounted > SIZE, mounts);
  }
});

Deno.test("a blob whose mount fails, or is none, is sent", async () => {
  for (const status of [500, 201, 503]) {
    await using w = await pushWorld();
    install(w.models, "twin/latest", makeModel({ size: SIZE, seed: 1 }));
    w.registry.fault = ({ query }) => query.has("mount") ? { status } : undefined;
    const [, second] = await w.run(["tiny", "twin"]);
    assert.equal(second!.error, undefined, String(status));
    assert.ok(second!.summary!.sent > SIZE && second!.summary!.mounted === 0);
  }
});

testWith(
  ["names that differ in case"],
  "two models that come to one place in lower case are not put over each other",
  async () => {
    await using w = await pushWorld();
    install(w.models, "Tiny/latest", makeModel({ size: MiB, seed: 5 }));
    const [first, second] = await w.run(["tiny", "Tiny"]);
    assert.equal(first!.error, undefined);
    const error = second!.error as PullamaError;
    assert.equal(error.kind, "usage");
    assert.match(error.message, /^tiny:latest comes to the same place, .*\/library\/tiny:latest$/);
    assert.match(error.hint!, /ollama cp Tiny:latest NAME/);
    assertPushed(w);
  },
);

Deno.test("a name that no repository can have is refused before anything is asked", async () => {
  await using w = await pushWorld();
  install(w.models, "tiny..odd/latest", makeModel({ size: MiB, seed: 5 }));
  const [{ error } = { error: undefined }] = await w.run(["tiny..odd"]);
  assert.match(String(error), /tiny\.\.odd" cannot be in the name of a repository/);
  assert.deepEqual(w.registry.asked(), []);
});

Deno.test("where requests break off again and again, shorter ones are tried", async () => {
  await using w = await pushWorld();
  w.registry.fault = ({ method, headers }) =>
    method === "PATCH" && Number(headers.get("content-length")) > MiB / 4
      ? { closeAfter: 60_000 }
      : undefined;
  const { error } = await w.push({ settings: { connections: 1 } });
  assert.equal(error, undefined);
  assertPushed(w);
});

Deno.test("a dry run sends nothing, and knows what would be mounted", async () => {
  await using w = await pushWorld();
  install(w.models, "twin/latest", makeModel({ size: SIZE, seed: 1 }));
  const results = await w.run(["tiny", "twin"], { settings: { dryRun: true } });
  const plans = results.map(({ events }) => {
    const last = events.at(-1);
    assert.ok(last?.event === "push_dry_run");
    return last.plan;
  });
  assert.ok(plans[0]!.toSend > SIZE && plans[0]!.mounted === 0);
  assert.ok(plans[1]!.mounted > SIZE && plans[1]!.toSend === 0);
  assert.ok(w.registry.requests.every(({ method }) => method === "HEAD"));
  assert.ok(!exists(`${w.models}/.pullm`));
});

/** A fault of the third chunk, by its connection. */
const BREAKS: readonly (readonly [string, UploadFault])[] = [
  ["the connection breaks in the middle of a chunk", { closeAfter: 400_000 }],
  ["the response to a chunk is lost", { loses: "response" }],
  ["the registry is busy", { status: 503 }],
  ["the registry has a rate limit", { status: 429, body: "you exceeded the storage rate limit" }],
  ["the registry wants less at a time", { status: 429, headers: { "retry-after": "7" } }],
];

for (const [what, fault] of BREAKS) {
  Deno.test(`${what}: the upload continues where the registry is`, async () => {
    await using w = await pushWorld();
    w.registry.fault = onPatch(3, fault);
    const { error } = await w.push();
    assert.equal(error, undefined);
    assertPushed(w);
    assert.ok(resent(w.registry) < MiB, `${resent(w.registry)} bytes were sent again`);
    if ("headers" in fault) assert.ok(w.waits.some((ms) => ms >= 7000));
  });
}

Deno.test("a registry that forgets an upload gets the blob from the beginning", async () => {
  await using w = await pushWorld({ broken: "forgets" });
  w.registry.fault = onPatch(3, { closeAfter: 400_000 });
  const { error, events } = await w.push();
  assert.equal(error, undefined);
  assertPushed(w);
  const lost = events.find(({ event }) => event === "upload_lost");
  assert.equal(lost && "count" in lost && lost.count, 2 * MiB);
  const done = events.flatMap((event) => event.event === "bytes" ? [event.count] : []);
  const there = w.tiny.blobs.reduce((sum, path) => sum + Deno.statSync(path).size, 0);
  assert.equal(done.reduce((sum, count) => sum + count, 0), there);
});

Deno.test("a registry that always forgets is given up, however many bytes it takes", async () => {
  await using w = await pushWorld({ broken: "forgets" });
  w.registry.fault = ({ method }, n) =>
    method === "PATCH" && n % 3 === 0 ? { closeAfter: 400_000 } : undefined;
  const { error } = await w.push({ settings: { maxRetries: 3 } });
  assert.equal(kindOf(error), "network");
});

Deno.test("where the registry is elsewhere than the chunk, its word counts", async () => {
  await using w = await pushWorld();
  w.registry.fault = ({ method }, n) =>
    method === "PATCH" && n === 3 ? { status: 416, headers: { range: `0-${MiB - 1}` } } : undefined;
  const { error } = await w.push();
  assert.equal(error, undefined);
  assertPushed(w);
});

Deno.test("an upload that the registry knows and does not continue is begun again", async () => {
  await using w = await pushWorld();
  let first: string | undefined;
  w.registry.fault = ({ method, path }, n) => {
    if (method === "PATCH" && n === 3) first = path;
    return method === "PATCH" && path === first ? { status: 404 } : undefined;
  };
  const { error } = await w.push();
  assert.equal(error, undefined);
  assertPushed(w);
});

Deno.test("a chunk that is a bad request to the registry begins the upload again, once", async () => {
  await using w = await pushWorld();
  w.registry.fault = ({ method }, n) =>
    method === "PATCH" && n >= 3 && n <= 4 ? { status: 400 } : undefined;
  const { error } = await w.push();
  assert.equal(error, undefined);
  assertPushed(w);
});

Deno.test("failures far from each other never throw away what the registry has", async () => {
  await using w = await pushWorld();
  w.registry.fault = ({ method }, n) =>
    method === "PATCH" && n % 2 === 0 ? { status: 400 } : undefined;
  const { error } = await w.push();
  assert.equal(error, undefined);
  assertPushed(w);
  assert.equal(resent(w.registry), 0);
});

Deno.test("a registry that refuses every further chunk is told with its reason", async () => {
  await using w = await pushWorld();
  w.registry.fault = ({ method, headers }) =>
    method === "PATCH" && !headers.get("content-range")?.startsWith("0-")
      ? { status: 400, body: '{"errors":[{"message":"chunks of 5 MiB, please"}]}' }
      : undefined;
  const { error } = await w.push();
  assert.match(String(error), /does not take the upload \(400\): chunks of 5 MiB, please/);
  assert.match((error as PullamaError).hint!, /log of the registry/);
});

Deno.test("an upload that another login began, by a note, is begun again", async () => {
  await using w = await pushWorld();
  w.registry.fault = onPatch(3, { status: 403 });
  assert.equal(kindOf((await w.push()).error), "auth");
  w.registry.fault = ({ method }) => method === "GET" ? { status: 403 } : undefined;
  const { error } = await w.push();
  assert.equal(error, undefined);
  assertPushed(w);
});

Deno.test("what a registry refuses before it has all of it is not sent to its end", async () => {
  await using w = await pushWorld();
  const { source } = await openFolder(w.models).pushed();
  let rest: ReadableStreamDefaultReader<Uint8Array> | undefined;
  const target: PushTarget = {
    place: () => "http://h/library/tiny",
    has: () => Promise.resolve(false),
    begin: () => Promise.resolve({ location: "http://h/1", offset: 0, least: 0 }),
    state: () => Promise.resolve(undefined),
    async append(_name, _upload, part) {
      rest = part.open().getReader();
      await rest.read();
      throw new PullamaError("refused", "too large");
    },
    finish: () => Promise.resolve(),
    drop: () => Promise.resolve(),
    tag: () => Promise.resolve(undefined),
    putManifest: () => Promise.resolve(),
  };
  const settings = { connections: 1, chunkSize: 64 * MiB, timeoutMs: 60_000, dryRun: false };
  const limit = new RateLimit(steadyPace(undefined), systemClock);
  const pusher = new Pusher({
    source,
    target,
    settings: { ...settings, maxRetries: 0, retryForMs: 0 },
    limit,
    clock: systemClock,
  });
  let moved = 0;
  const emit = (event: PushEvent) => void (moved += event.event === "bytes" ? event.moved : 0);
  const signal = new AbortController().signal;
  await assert.rejects(pusher.push(parseName("tiny"), { emit, signal }), /too large/);
  const before = moved;
  // What fetch does with the body of a request that was answered.
  const { done } = await rest!.read();
  assert.ok(done);
  assert.equal(moved, before);
});

Deno.test("a registry that takes chunks and keeps nothing of them is given up", async () => {
  await using w = await pushWorld();
  w.registry.fault = ({ method }) =>
    method === "PATCH" ? { status: 202, headers: { range: "0-0" } } : undefined;
  const { error } = await w.push({ settings: { maxRetries: 2 } });
  assert.equal(kindOf(error), "protocol");
  assert.match(String(error), /kept nothing/);
});

Deno.test("a registry that says it has more than was sent is not believed", async () => {
  await using w = await pushWorld();
  w.registry.fault = ({ method }) =>
    method === "PATCH" ? { status: 202, headers: { range: "0-99999999999" } } : undefined;
  const { error } = await w.push({ settings: { maxRetries: 1 } });
  assert.equal(kindOf(error), "protocol");
});

Deno.test("a registry may tell the length of each chunk in place of all that it has", async () => {
  for (const chunkSize of [MiB, 64 * MiB]) {
    await using w = await pushWorld({ tells: "chunk", broken: "forgets" });
    const { error, events } = await w.push({ settings: { chunkSize } });
    assert.equal(error, undefined);
    assertPushed(w);
    assert.equal(resent(w.registry), 0);
    assert.deepEqual(events.filter(({ event }) => event === "retry"), []);
  }
});

Deno.test("a lost response to the last request costs nothing", async () => {
  await using w = await pushWorld();
  w.registry.fault = ({ method, path }, n) =>
    method === "PUT" && path.includes("/blobs/") && n === 5 ? { loses: "response" } : undefined;
  const { error, events } = await w.push();
  assert.equal(error, undefined);
  assertPushed(w);
  assert.ok(resent(w.registry) < SMALL_BLOBS);
  assert.deepEqual(events.filter(({ event }) => event === "upload_lost"), []);
});

for (const broken of ["keeps", "forgets"] as const) {
  Deno.test(`a stop lets a chunk end, and the next run continues after it, where a registry ${broken} broken ones`, async () => {
    await using w = await pushWorld({ broken });
    const stop = new AbortController();
    w.registry.fault = onPatch(4, {
      pauseAfter: 300_000,
      meanwhile: () => Promise.resolve(stop.abort(new Error("a signal"))),
    });
    const first = await w.push({ signal: stop.signal });
    assert.equal((first.error as Error).message, "a signal");
    const notes = filesIn(`${w.models}/.pullm/uploads`).filter((name) => name.endsWith(".json"));
    assert.equal(notes.length, 1);
    const { mode } = Deno.statSync(`${w.models}/.pullm/uploads/${notes[0]}`);
    if (Deno.build.os !== "windows") assert.equal(mode! & 0o777, 0o600);
    const { error, events } = await w.push();
    assert.equal(error, undefined);
    assertPushed(w);
    const start = events.find((event) => event.event === "upload_start" && event.blob.size > MiB);
    assert.ok(start && "kept" in start && start.kept === 4 * MiB, JSON.stringify(start));
    assert.equal(resent(w.registry), 0);
    assert.deepEqual(filesIn(`${w.models}/.pullm/uploads`), []);
  });
}

Deno.test("a note of an upload that leads elsewhere is not believed", async () => {
  await using w = await pushWorld();
  const stop = new AbortController();
  w.registry.fault = onPatch(4, {
    pauseAfter: 1,
    meanwhile: () => Promise.resolve(stop.abort(new Error("a signal"))),
  });
  await w.push({ signal: stop.signal });
  const folder = `${w.models}/.pullm/uploads`;
  const [note] = filesIn(folder).filter((name) => name.endsWith(".json"));
  const text = Deno.readTextFileSync(`${folder}/${note}`);
  await using other = await pushWorld();
  Deno.writeTextFileSync(
    `${folder}/${note}`,
    text.replace(
      /"location":"http:..[^/]*/,
      (found) => found.replace(/127.*/, other.registry.host),
    ),
  );
  const { error } = await w.push();
  assert.equal(error, undefined);
  assertPushed(w);
  assert.deepEqual(other.registry.requests, []);
});

Deno.test("A13: a blob that is a link is not sent, and one that is missing is named", async () => {
  await using w = await pushWorld();
  const elsewhere = `${w.models}/elsewhere`;
  Deno.renameSync(w.weights, elsewhere);
  const missing = await w.push();
  assert.equal(kindOf(missing.error), "not_found");
  assert.match((missing.error as PullamaError).hint!, /removed.*pullama tiny:latest$/);
  if (Deno.build.os === "windows") return;
  linkTo(elsewhere, w.weights);
  const link = await w.push();
  assert.equal(kindOf(link.error), "local");
  assert.match(String(link.error), /not a regular file/);
  assert.equal(w.registry.manifests.size, 0);
  assert.ok(w.registry.received < SMALL_BLOBS);
});

Deno.test("A13: a blob that is not what its digest says is not completed, and has no manifest", async () => {
  await using w = await pushWorld();
  const bytes = Deno.readFileSync(w.weights);
  bytes[5 * MiB]! ^= 1;
  Deno.writeFileSync(w.weights, bytes);
  const { error } = await w.push();
  assert.equal(kindOf(error), "digest");
  assert.match((error as PullamaError).hint!, /verify --repair/);
  assert.equal(w.registry.manifests.size, 0);
  assert.equal(w.registry.open, 0);
  const ends = w.registry.requests.filter(({ method, query }) =>
    method === "PUT" && query.get("digest")?.includes(w.weights.slice(-64))
  );
  assert.deepEqual(ends, []);
  assert.deepEqual(filesIn(`${w.models}/.pullm/uploads`), []);
});

Deno.test("A13: a blob that changes or is removed while it is sent is an error, never wrong bytes", async () => {
  const deeds: readonly (readonly [string, (path: string) => void])[] = [
    ["local", (path) => {
      const bytes = Deno.readFileSync(path);
      bytes.fill(7, 3 * MiB);
      Deno.writeFileSync(path, bytes);
      Deno.utimeSync(path, 1, 1);
    }],
    ["not_found", (path) => Deno.removeSync(path)],
    ["size", (path) => Deno.truncateSync(path, 4 * MiB)],
  ];
  for (const [kind, deed] of deeds) {
    await using w = await pushWorld();
    w.registry.fault = onPatch(3, {
      pauseAfter: 1,
      meanwhile: () => Promise.resolve(deed(w.weights)),
    });
    const { error } = await w.push();
    assert.ok([kind, "digest"].includes(kindOf(error)), `${kind}: ${error}`);
    assert.equal(w.registry.manifests.size, 0);
    const digests = [...w.registry.blobs.get("library/tiny")?.keys() ?? []];
    assert.ok(!digests.some((digest) => digest.includes(w.weights.slice(-64))));
  }
});

Deno.test("a registry that names no digests is asked for blobs and manifest", async () => {
  await using w = await pushWorld({ names: false });
  const { error } = await w.push();
  assert.equal(error, undefined);
  assertPushed(w);
  assert.deepEqual(w.registry.asked().slice(-2), ["HEAD manifests", "GET manifests"]);
});

Deno.test("a registry that changes manifests is found out", async () => {
  await using w = await pushWorld();
  const { manifests } = w.registry;
  w.registry.fault = ({ method, path }) => {
    if (method !== "HEAD" || !path.includes("/manifests/sha256")) return undefined;
    return { status: 200, headers: { "docker-content-digest": `sha256:${"0".repeat(64)}` } };
  };
  const { error } = await w.push({ settings: { maxRetries: 0 } });
  assert.equal(kindOf(error), "digest");
  assert.ok(manifests.size > 0);
});

Deno.test("a chunk has at least as many bytes as the registry wants", async () => {
  await using w = await pushWorld({ least: 4 * MiB });
  const { error } = await w.push();
  assert.equal(error, undefined);
  const chunks = w.registry.requests.filter(({ method }) => method === "PATCH");
  assert.deepEqual(chunks.map(({ received }) => received), [4 * MiB, chunks[1]!.received]);
});

Deno.test("models come through from another source, which breaks off in the middle", async () => {
  await using w = await pushWorld();
  const { source: local } = await openFolder(w.models).pushed();
  let opened = 0;
  const source: PushSource = {
    isRemote: true,
    forgetAddress: () => [],
    model: (name, signal) => local.model(name, signal),
    async open(name, blob, range, signal) {
      opened++;
      const end = Math.min(range.end, range.start + 700_000);
      const { stream } = await local.open(name, blob, { start: range.start, end }, signal);
      return { range, ranged: true, stream };
    },
  };
  const { error } = await w.push({ source });
  assert.equal(error, undefined);
  assertPushed(w);
  assert.ok(opened > SIZE / 700_000);
  assert.equal(resent(w.registry), 0);
});

Deno.test("another source is not blamed for a push that is stopped while it sends", async () => {
  await using w = await pushWorld();
  const { source: local } = await openFolder(w.models).pushed();
  const stop = new AbortController();
  const failures: unknown[] = [];
  const source: PushSource = {
    isRemote: true,
    forgetAddress: () => [],
    model: (name, signal) => local.model(name, signal),
    open(name, blob, range, signal) {
      if (blob.size < MiB) return local.open(name, blob, range, signal);
      const stream = new ReadableStream({
        type: "bytes",
        start(controller) {
          signal.addEventListener("abort", () => controller.error(signal.reason));
        },
        pull: () => stop.abort(new PullamaError("interrupted", "interrupted by a signal")),
      });
      const ended = (_at: number, error?: PullamaError) => {
        failures.push(error);
        return false;
      };
      return Promise.resolve({ range, ranged: true, stream, ended });
    },
  };
  const { error } = await w.push({ source, signal: stop.signal });
  assert.match(String(error), /interrupted by a signal/);
  assert.deepEqual(failures, [undefined]);
});

Deno.test("another source that ignores ranges is read past what is there already", async () => {
  await using w = await pushWorld();
  const { source: local } = await openFolder(w.models).pushed();
  const source: PushSource = {
    isRemote: true,
    forgetAddress: () => [],
    model: (name, signal) => local.model(name, signal),
    async open(name, blob, _range, signal) {
      const all = { start: 0, end: blob.size };
      const { stream } = await local.open(name, blob, all, signal);
      return { range: all, ranged: false, stream };
    },
  };
  const { error } = await w.push({ source });
  assert.equal(error, undefined);
  assertPushed(w);
});

Deno.test("an empty blob, and a model without layers, are pushed as well", async () => {
  await using w = await pushWorld();
  const empty = { mediaType: "application/vnd.ollama.image.license", content: "" };
  const { config } = makeModel({ size: 1000 });
  install(w.models, "empty/latest", { config, layers: [empty] });
  install(w.models, "stub/latest", { config, layers: [] });
  const results = await w.run(["empty", "stub"]);
  assert.deepEqual(results.map(({ error }) => error), [undefined, undefined]);
  assert.deepEqual([...w.registry.manifests.keys()], ["library/empty", "library/stub"]);
  assert.equal(w.registry.blobs.get("library/empty")?.size, 2);
});

Deno.test("wrong bytes of another source are found, asked for again, and never completed", async () => {
  for (const times of [1, Infinity]) {
    await using w = await pushWorld();
    const { source: local } = await openFolder(w.models).pushed();
    let wrong = 0;
    let forgotten = 0;
    const source: PushSource = {
      isRemote: true,
      forgetAddress() {
        forgotten++;
        return [];
      },
      model: (name, signal) => local.model(name, signal),
      async open(name, blob, range, signal) {
        const body = await local.open(name, blob, range, signal);
        if (range.start !== 3 * MiB || wrong === times) return body;
        wrong++;
        await body.stream.cancel();
        return { ...body, stream: zeros(range.end - range.start) };
      },
    };
    const { error } = await w.push({ source, settings: { maxRetries: 2 } });
    if (times === 1) {
      assert.equal(error, undefined);
      assertPushed(w);
    } else {
      assert.equal(kindOf(error), "digest");
      assert.equal(w.registry.manifests.size, 0);
    }
    assert.equal(forgotten, wrong);
  }
});

function zeros(length: number): ReadableStream<Uint8Array> {
  let left = length;
  return new ReadableStream({
    type: "bytes",
    pull(controller) {
      const count = Math.min(left, 65_536);
      left -= count;
      controller.enqueue(new Uint8Array(count));
      if (left === 0) controller.close();
    },
  });
}

function onPatch(which: number, fault: UploadFault) {
  return ({ method }: UploadRequest, n: number) =>
    method === "PATCH" && n === which ? fault : undefined;
}

/** Bytes of the weights that were received more than once. */
function resent(registry: UploadRegistry): number {
  const all = registry.requests.filter(({ method }) => method === "PATCH");
  return all.reduce((sum, { received }) => sum + received, 0) - largest(registry);
}

function largest({ blobs }: UploadRegistry): number {
  const sizes = [...blobs.get("library/tiny")!.values()].map(({ length }) => length);
  return Math.max(...sizes);
}

function kindOf(error: Pushed["error"]): string {
  return error instanceof PullamaError ? error.kind : `${error}`;
}

function assertPushed({ registry, tiny }: PushWorld): void {
  const stored = registry.manifests.get("library/tiny")!.get("latest")!;
  assert.deepEqual(stored.bytes, Deno.readFileSync(tiny.path));
  assert.equal(stored.type, "application/vnd.docker.distribution.manifest.v2+json");
  const blobs = registry.blobs.get("library/tiny")!;
  for (const path of tiny.blobs) {
    assert.deepEqual(blobs.get(`sha256:${path.slice(-64)}`), Deno.readFileSync(path));
  }
}
