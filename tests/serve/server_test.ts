/** For listeners that fail, and content that does not come. */

import assert from "node:assert/strict";
import { digestOf } from "../../src/core/digest.ts";
import { systemClock } from "../../src/io/clock.ts";
import { steadyPace } from "../../src/io/limit.ts";
import { Http } from "../../src/registry/http/http.ts";
import { SLOT_WAIT_MS } from "../../src/serve/limits.ts";
import type { ServedBlob } from "../../src/serve/shelf.ts";
import { HEADERS_MS } from "../../src/setup/mirrors/open.ts";
import { OpenBlob, VERDICT_WAIT_MS } from "../../src/store/serve/blob.ts";
import {
  accepting,
  BLOB,
  endless,
  from,
  holdingContent,
  nothing,
  running,
  short,
} from "./memory.ts";
import { temporaryFolder } from "../real/child.ts";
import { get, raw } from "./raw.ts";

Deno.test("clients that are gone before they are accepted do not keep others waiting", async () => {
  let gone = 0;
  await using server = running({
    wrap: accepting(async (accept) => {
      if (gone++ < 500) throw new Deno.errors.NotConnected("Socket is not connected");
      return await accept();
    }),
  });
  assert.equal((await raw(server.port, get("/v2/"))).status, 200);
  assert.deepEqual(server.slept, []);
});

Deno.test("where the system has no descriptor left, the server waits and then accepts again", async () => {
  let failed = false;
  await using server = running({
    wrap: accepting(async (accept) => {
      if (failed) return await accept();
      failed = true;
      throw Object.assign(new Error("Too many open files (os error 24)"), { code: "EMFILE" });
    }),
  });
  assert.equal((await raw(server.port, get("/v2/"))).status, 200);
  assert.equal(server.slept.length, 1);
});

Deno.test("a server whose listener is closed ends", async () => {
  const closed = (listener: Deno.TcpListener) => {
    listener.close();
    return listener;
  };
  const { ended } = running({ wrap: closed });
  assert.deepEqual(await ended, { requests: 0, bytes: 0 });
});

Deno.test("a connection whose options cannot be set is closed, and others are served", async () => {
  let first = true;
  await using server = running({
    wrap: accepting(async (accept) => {
      const conn = await accept();
      if (!first) return conn;
      first = false;
      return Object.assign(Object.create(conn) as Deno.TcpConn, {
        close: () => conn.close(),
        setNoDelay() {
          throw new Error("Invalid argument (os error 22)");
        },
      });
    }),
  });
  assert.equal((await raw(server.port, get("/v2/"))).status, 0);
  assert.equal((await raw(server.port, get("/v2/"))).status, 200);
});

Deno.test("a connection too many is told so, although its request is not read", async () => {
  await using server = running({
    wrap: accepting(async (accept) => from("10.0.0.1", await accept())),
  });
  const held: Deno.Conn[] = [];
  try {
    for (let i = 0; i < 96; i++) {
      held.push(await Deno.connect({ hostname: "127.0.0.1", port: server.port }));
    }
    const { status, head } = await raw(server.port, get("/v2/", `A: ${"b".repeat(60_000)}\r\n`));
    assert.equal(status, 503);
    assert.match(head, /^Retry-After: \d+$/m);
  } finally {
    for (const conn of held) conn.close();
  }
});

Deno.test("a signal ends a server whose content does not come, and closes it", async () => {
  let closed = 0;
  const server = running({
    shelf: { ...nothing, blob: () => Promise.resolve(endless(() => closed++)) },
  });
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await conn.write(new TextEncoder().encode(get(BLOB)));
  await conn.read(new Uint8Array(20));
  server.stop();
  assert.equal((await server.ended).requests, 1);
  assert.deepEqual(server.requests.map(({ complete }) => complete), [false]);
  assert.equal(closed, 1);
});

Deno.test("a signal ends a server that does not find out what it has, and what comes late is closed", async () => {
  const asked = Promise.withResolvers<void>();
  const late = Promise.withResolvers<ServedBlob>();
  const server = running({
    shelf: {
      ...nothing,
      blob() {
        asked.resolve();
        return late.promise;
      },
    },
  });
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await conn.write(new TextEncoder().encode(get(BLOB)));
  await asked.promise;
  server.stop();
  await server.ended;
  const closed = Promise.withResolvers<void>();
  late.resolve(endless(closed.resolve));
  await closed.promise;
});

Deno.test("manifests are held to the rate too, and what is as small as an error does not wait for it", async () => {
  const manifest = {
    bytes: new Uint8Array(5000),
    digest: digestOf("b".repeat(64)),
    mediaType: "application/json",
  };
  await using server = running({
    pace: steadyPace(20_000),
    shelf: { ...nothing, manifest: () => Promise.resolve(manifest) },
  });
  for (let i = 0; i < 3; i++) assert.equal((await raw(server.port, get("/v2/"))).status, 200);
  assert.deepEqual(server.slept, []);
  const { body } = await raw(server.port, get("/v2/library/m/manifests/latest"));
  assert.equal(body.length, 5000);
  assert.notDeepEqual(server.slept, []);
});

Deno.test("a folder that cannot be read is a reason to come again, and its path is not told", async () => {
  await using server = running({
    shelf: { ...nothing, blob: () => Promise.reject(new Error("cannot read /home/me/models")) },
  });
  const { status, head, body } = await raw(server.port, get(BLOB));
  assert.equal(status, 503);
  assert.match(head, /^Retry-After: \d+$/m);
  assert.match(body, /the models folder cannot be read/);
  assert.doesNotMatch(body, /home/);
});

Deno.test("a pull that uses a busy server as a mirror is told when to come again, before it gives up", async () => {
  // One after the other.
  assert.ok(SLOT_WAIT_MS + VERDICT_WAIT_MS < HEADERS_MS);
  await using server = running({
    maxClients: 1,
    shelf: { ...nothing, blob: () => Promise.resolve(endless(() => {})) },
  });
  using first = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await first.write(new TextEncoder().encode(get(BLOB)));
  await first.read(new Uint8Array(20));
  using http = new Http({ userAgent: "test", headerTimeoutMs: HEADERS_MS });
  const url = new URL(BLOB, `http://127.0.0.1:${server.port}`);
  const response = await http.get(url, { signal: AbortSignal.timeout(60_000) });
  assert.equal(response.status, 503);
  assert.equal(response.headers.get("retry-after"), "5");
  assert.match(await response.text(), /too many requests/);
});

Deno.test("clients that are gone while their bytes are waited for give their places to others", async () => {
  let ahead = 0;
  const reading = Promise.withResolvers<void>();
  const blob: ServedBlob = {
    ...endless(() => {}),
    read() {
      reading.resolve();
      return new Promise<number>(() => {});
    },
  };
  await using server = running({
    maxClients: 1,
    clock: { ...systemClock, now: () => systemClock.now() + ahead },
    shelf: { ...nothing, blob: () => Promise.resolve(blob) },
  });
  const gone = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await gone.write(new TextEncoder().encode(get(BLOB)));
  await reading.promise;
  gone.close();
  ahead = 30_000;
  assert.equal((await raw(server.port, get("/v2/"))).status, 200);
  assert.deepEqual(server.requests.map(({ complete }) => complete), [false, true]);
});

Deno.test("the last byte alone of a blob that is being hashed is a reason to come again", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/blob`;
  Deno.writeFileSync(path, new Uint8Array(1000));
  const open = () => {
    const verdict = new Promise<undefined>(() => {});
    const proof = { isRight: undefined, verdict, changed: false };
    return new OpenBlob(Deno.openSync(path), Deno.statSync(path), proof);
  };
  await using server = running({
    shelf: { ...nothing, blob: () => Promise.resolve(open()) },
  });
  const last = await raw(server.port, get(BLOB, "Range: bytes=999-\r\n"));
  assert.equal(last.status, 503);
  assert.match(last.head, /^Retry-After: 5\r$/m);
  assert.match(last.body, /is being hashed/);
  const rest = await raw(server.port, get(BLOB, "Range: bytes=500-998\r\n"));
  assert.deepEqual([rest.status, rest.body.length], [206, 499]);
});

for (
  const [minutes, complete] of [[2, true], [10, false]] as const
) {
  Deno.test(`a client that takes nothing for ${minutes} minutes ${complete ? "gets the rest" : "is left"}`, async () => {
    let ahead = 0;
    const writing = Promise.withResolvers<void>();
    const looked = Promise.withResolvers<void>();
    const taken = Promise.withResolvers<void>();
    const now = () => {
      if (ahead > 0) looked.resolve();
      return systemClock.now() + ahead;
    };
    const waits = () => {
      writing.resolve();
      return taken.promise;
    };
    await using server = running({
      clock: { ...systemClock, now },
      shelf: { ...nothing, blob: () => Promise.resolve(short()) },
      wrap: accepting(async (accept) => holdingContent(waits, await accept())),
    });
    const response = raw(server.port, get(BLOB));
    await writing.promise;
    ahead = minutes * 60_000;
    await looked.promise;
    taken.resolve();
    assert.equal((await response).body.length, complete ? 1000 : 0);
    assert.deepEqual(server.requests.map((request) => request.complete), [complete]);
  });
}

Deno.test("what is being sent when the server is stopped is the last answer of its connection", async () => {
  const writing = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();
  const waits = () => {
    writing.resolve();
    return stopped.promise;
  };
  const server = running({
    shelf: { ...nothing, blob: () => Promise.resolve(short()) },
    wrap: accepting(async (accept) => holdingContent(waits, await accept())),
  });
  const kept = get(BLOB).replace("Connection: close\r\n", "");
  const response = raw(server.port, kept + kept);
  await writing.promise;
  server.stop();
  stopped.resolve();
  assert.equal((await response).body.length, 1000);
  assert.equal((await server.ended).requests, 1);
});
