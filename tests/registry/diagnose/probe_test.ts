import assert from "node:assert/strict";
import {
  connectToOne,
  isAddress,
  resolveHost,
  viewTls,
} from "../../../src/registry/diagnose/probe.ts";
import { early, good, key } from "../../fakes/authority.ts";
import { portOf } from "../../fakes/listen.ts";
import { startRegistry } from "../../fakes/registry.ts";
import { failureOf, never } from "../world.ts";

async function endpoint(cert?: string) {
  const registry = await startRegistry(cert === undefined ? {} : { tls: { cert, key } });
  const [address = ""] = registry.host.split(":");
  return {
    address,
    port: Number(portOf(registry.host)),
    requests: registry.requests,
    [Symbol.asyncDispose]: () => registry.close(),
  };
}

Deno.test("connectToOne() does not wait for dead addresses", async () => {
  await using at = await endpoint();
  // The first does not respond or has no route, the second refuses the connection.
  const addresses = ["192.0.2.1", "127.0.0.2", at.address];
  const { address } = await connectToOne("h.example", addresses, at.port, never());
  assert.equal(address, at.address);
  assert.deepEqual(at.requests, []);
});

Deno.test("connectToOne() reports why no connection is possible", async () => {
  const at = await endpoint();
  await at[Symbol.asyncDispose]();
  const error = await failureOf(connectToOne("h.example", [at.address], at.port, never()));
  assert.equal(error.kind, "network");
  assert.equal(error.message, `cannot connect to h.example, port ${at.port}: connection refused`);
});

Deno.test("resolveHost() returns addresses, and fails for an unknown name", async () => {
  assert.ok((await resolveHost("localhost", never())).every(isAddress));
  const error = await failureOf(resolveHost("unknown.invalid", never()));
  assert.equal(error.message, "the host name unknown.invalid cannot be resolved");
});

Deno.test("viewTls() shows issuer and expiry of a certificate, whether it is valid or not", async () => {
  for (const [cert, until] of [[good, "2120-01-01"], [early, "2120-01-01"]] as const) {
    await using at = await endpoint(cert);
    const view = await viewTls(at, at.address, never());
    assert.equal(view?.issuer, "Example Root CA (Example Corp)");
    assert.equal(view.until, until);
    assert.deepEqual(at.requests, []);
  }
});

Deno.test("every probe ends with the signal", async () => {
  // Accepts connections and sends nothing.
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { hostname, port } = listener.addr;
  const stop = new AbortController();
  const reason = new Error("enough");
  const viewed = viewTls({ address: hostname, port }, "localhost", stop.signal);
  const connection = await listener.accept();
  stop.abort(reason);
  await assert.rejects(viewed, reason);
  connection.close();
  await assert.rejects(resolveHost("localhost", stop.signal), reason);
  await assert.rejects(connectToOne("h", ["192.0.2.1"], 9, stop.signal), reason);
});
