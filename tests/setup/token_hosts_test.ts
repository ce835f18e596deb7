import assert from "node:assert/strict";
import { PullamaError } from "../../src/core/errors.ts";
import { tokenHosts } from "../../src/setup/trust.ts";

const env = (value?: string) => (name: string) =>
  name === "PULLAMA_TOKEN_HOSTS" ? value : undefined;

Deno.test("tokenHosts() are those of the flag, otherwise those of PULLAMA_TOKEN_HOSTS", () => {
  assert.deepEqual(tokenHosts(undefined, env()), []);
  assert.deepEqual(tokenHosts(undefined, env("")), []);
  assert.deepEqual(tokenHosts(undefined, env(" a.corp, B.corp:8443\n[::1]:5000 ,")), [
    "a.corp",
    "b.corp:8443",
    "[::1]:5000",
  ]);
  assert.deepEqual(tokenHosts(["c.corp:443"], env("a.corp")), ["c.corp:443"]);
});

Deno.test("tokenHosts() refuses what is no host, and says where it was given", () => {
  const wrong = [
    "https://sso.corp",
    "sso.corp/auth",
    "me:secret@sso.corp",
    "*",
    "sso.corp:0x1",
    "?",
  ];
  for (const text of wrong) {
    for (const [flag, variable] of [[[text], undefined], [undefined, text]] as const) {
      assert.throws(() => tokenHosts(flag, env(variable)), (error) => {
        assert.ok(error instanceof PullamaError);
        assert.equal(error.kind, "usage");
        assert.ok(error.message.includes(flag ? "token host" : "PULLAMA_TOKEN_HOSTS"));
        assert.doesNotMatch(`${error.message} ${error.hint}`, /secret/);
        return true;
      }, text);
    }
  }
});
