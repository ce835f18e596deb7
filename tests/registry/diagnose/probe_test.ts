import assert from "node:assert/strict";
import {
  connectToOne,
  isAddress,
  resolveHost,
  viewTls,
} from "../../../src/registry/diagnose/probe.ts";
import { early, good, key } from "../../fakes/authority.ts";
import { startRegistry } from "../../fakes/registry.ts";
import { failureOf, never } from "../world.ts";

async function endpoint(cert?: string) {
  const registry = await startRegistry(cert === undefined ? {} : { tls: { cert, key } });
  const [address = "", port] = registry.host.split(":");
  return {
    address,
    port: Number(port),
    requests: registry.requests,
    [Symbol.asyncDispose]: () => registry.close(),
  };
}

Deno.test("connectToOne() does not wait for addresses that are dead", async () => {
  await using at = await endpoint();
  // Nobody has the first two: the one says nothing or has no route, the other one refuses.
  const addresses = ["192.0.2.1", "127.0.0.2", at.address];
  const { address } = await connectToOne("h.example", addresses, at.port, never());
  assert.equal(address, at.address);
  assert.deepEqual(at.requests, []);
});

Deno.test("connectToOne() says why no address can be connected to", async () => {
  const at = await endpoint();
  await at[Symbol.asyncDispose]();
  const error = await failureOf(connectToOne("h.example", [at.address], at.port, never()));
  assert.equal(error.kind, "network");
  assert.equal(error.message, `cannot connect to h.example, port ${at.port}: connection refused`);
});

Deno.test("resolveHost() finds addresses, and nothing for a name that there is not", async () => {
  assert.ok((await resolveHost("localhost", never())).every(isAddress));
  const error = await failureOf(resolveHost("nobody.invalid", never()));
  assert.equal(error.message, "the name nobody.invalid cannot be resolved");
});

Deno.test("viewTls() shows who has issued a certificate and until when, be it valid or not", async () => {
  for (const [cert, until] of [[good, "2120-01-01"], [early, "2120-01-01"]] as const) {
    await using at = await endpoint(cert);
    const view = await viewTls(at, at.address, never());
    assert.equal(view?.issuer, "Example Root CA (Example Corp)");
    assert.equal(view.until, until);
    assert.deepEqual(at.requests, []);
  }
});

Deno.test("what is probed ends with the signal", async () => {
  // It takes connections and says nothing.
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
