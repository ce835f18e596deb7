import assert from "node:assert/strict";
import { withoutProxyEnv } from "../../src/setup/deno_client_env.ts";

Deno.test("withoutProxyEnv() hides the proxy variables and restores them, even after an error", () => {
  const NAME = "no_proxy";
  const before = Deno.env.get(NAME);
  Deno.env.set(NAME, "quiet.invalid");
  try {
    assert.equal(withoutProxyEnv(() => Deno.env.get(NAME)), undefined);
    assert.equal(Deno.env.get(NAME), "quiet.invalid");
    assert.throws(() =>
      withoutProxyEnv(() => {
        throw new RangeError("no");
      }), RangeError);
    assert.equal(Deno.env.get(NAME), "quiet.invalid");
  } finally {
    if (before === undefined) Deno.env.delete(NAME);
    else Deno.env.set(NAME, before);
  }
});
