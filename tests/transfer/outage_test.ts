import assert from "node:assert/strict";
import type { Kind } from "../../src/core/errors.ts";
import { RegistrySource } from "../../src/registry/source.ts";
import { authority, good, key } from "../fakes/authority.ts";
import { certificate, certificateKey } from "../fakes/certificate.ts";
import { type Fault, htmlPage, registryError, resetAfter } from "../fakes/faults.ts";
import { startRelay } from "../fakes/relay.ts";
import { count, MIB, type Pull, type World, world } from "./world.ts";

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

const REFUSALS: readonly (readonly [what: string, fault: Fault, kind: Kind])[] = [
  ["a 403 with a web page", htmlPage(403), "auth"],
  ["a 404 for a blob", registryError(404, "BLOB_UNKNOWN", "blob unknown to registry"), "not_found"],
  ["a 406", { status: 406 }, "refused"],
];

/** Refuses the weights of `model` for `ms` from the moment on that bytes of the pull have arrived. */
function refuseFor(place: World, pull: Pull, digest: string, fault: Fault, ms: number): void {
  let since: number | undefined;
  place.registry.faults.blob = ({ path }) => {
    if (!path.endsWith(digest) || count(pull, "bytes") === 0) return undefined;
    since ??= pull.clock.now();
    return pull.clock.now() - since < ms ? fault : undefined;
  };
}

for (const [what, fault, kind] of REFUSALS) {
  Deno.test(`${what} in the middle of a pull is retried`, async () => {
    await using place = await world();
    const model = place.tiny(24 * MIB);
    const pull = place.start(model.name);
    refuseFor(place, pull, model.weights.digest, fault, 20_000);
    await pull.result;
    place.assertInstalled(model);
    const kinds = pull.events.flatMap((one) => one.event === "retry" ? one.error.kind : []);
    assert.ok(kinds.length > 0 && kinds.every((one) => one === kind), `${kinds}`);
  });

  Deno.test(`${what} in the middle of a pull is waited for with --retry-for, asking once a minute`, async () => {
    await using place = await world();
    const model = place.tiny(24 * MIB);
    const settings = { retryForMs: 3_600_000, maxRetries: 1, connections: 1 };
    const pull = place.start(model.name, { settings });
    refuseFor(place, pull, model.weights.digest, fault, 1_800_000);
    const asked = () => place.registry.requests.length;
    await pull.result;
    place.assertInstalled(model);
    assert.ok(waitings(pull).some(({ error }) => error.kind === kind));
    assert.ok(asked() < 60, `${asked()} requests in half an hour`);
  });

  Deno.test(`${what} for the first blob of a pull is final`, async () => {
    await using place = await world();
    const model = place.tiny(4 * MIB);
    place.registry.faults.blob = () => fault;
    const { error, clock } = await place.fail(model.name, {
      settings: { retryForMs: 3_600_000 },
    });
    assert.deepEqual([error.kind, clock.waits], [kind, []]);
  });
}

Deno.test("a refusal that lasts ends the pull after the retries, with its own exit code", async () => {
  await using place = await world();
  const model = place.tiny(24 * MIB);
  const pull = place.start(model.name, { settings: { connections: 1, maxRetries: 3 } });
  refuseFor(place, pull, model.weights.digest, { status: 404 }, Infinity);
  await assert.rejects(pull.result, { kind: "not_found" });
  assert.deepEqual(pull.clock.waits.slice(-3), [1000, 2000, 4000]);
});

Deno.test("with --retry-for, a blob host that refuses every new URL is waited for", async () => {
  await using place = await world({ blobHosts: 1 });
  const model = place.tiny(24 * MIB);
  const hex = model.weights.digest.slice("sha256:".length);
  const pull = place.start(model.name, {
    settings: { connections: 1, retryForMs: 3_600_000 },
  });
  let since: number | undefined;
  place.registry.faults.data = ({ path }) => {
    if (!path.includes(hex) || count(pull, "bytes") === 0) return undefined;
    since ??= pull.clock.now();
    return pull.clock.now() - since < 1_800_000 ? { status: 403 } : undefined;
  };
  await pull.result;
  place.assertInstalled(model);
  assert.ok(waitings(pull).some(({ error }) => error.kind === "stale"));
});

/** A host with a certificate of its own, such as the login page of a hotel. */
function startPortal() {
  const listener = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert: certificate,
    key: certificateKey,
  });
  let reached = false;
  const serving = (async () => {
    for await (const connection of listener) {
      reached = true;
      await connection.handshake().catch(() => {});
      connection.close();
    }
  })();
  return {
    host: `127.0.0.1:${listener.addr.port}`,
    get reached() {
      return reached;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

Deno.test("a foreign certificate in the middle of a pull is waited for", async () => {
  await using place = await world({ tls: { cert: good, key } });
  await using stack = new AsyncDisposableStack();
  const model = place.tiny(24 * MIB);
  const portal = stack.use(startPortal());
  let target = place.registry.host;
  const network = stack.use(
    await startRelay({}, async (client) => {
      const other = await client.reach(target);
      if (other) client.join(other);
      else client.socket.destroy();
    }),
  );
  // The network changes: open connections are lost, new ones end at the portal.
  place.registry.faults.data = ({ path }) => {
    if (!path.endsWith(model.weights.digest) || portal.reached) return undefined;
    target = portal.host;
    return resetAfter(MIB);
  };
  using source = new RegistrySource({ userAgent: "test", caCerts: [authority] });
  const name = `${network.host}/library/tiny:latest`;
  const pull = place.start(name, {
    source: () => source,
    onEvent: (event) => {
      if (event.event === "retry" && event.error.kind === "tls") target = place.registry.host;
    },
  });
  await pull.result;
  place.assertInstalled({ ...model, name });
  assert.ok(portal.reached);
  assert.ok(pull.events.some((one) => one.event === "retry" && one.error.kind === "tls"));
});
