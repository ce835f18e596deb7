import assert from "node:assert/strict";
import { join } from "node:path";
import { identityIn } from "../../src/setup/identity.ts";

const HOME = Deno.build.os === "windows" ? "USERPROFILE" : "HOME";

function identity(env: Readonly<Record<string, string>>): ReturnType<typeof identityIn> {
  return identityIn((name) => env[name]);
}

Deno.test("identityIn() finds the key and Docker's config in the home directory", () => {
  assert.deepEqual(identity({ [HOME]: "home" }), {
    keyFile: join("home", ".ollama", "id_ed25519"),
    dockerConfig: join("home", ".docker", "config.json"),
  });
  assert.deepEqual(identity({}), {});
});

Deno.test("identityIn() uses the paths in the variables unless they are empty", () => {
  assert.deepEqual(identity({ [HOME]: "home", PULLAMA_KEY: "k", DOCKER_CONFIG: "d" }), {
    keyFile: "k",
    dockerConfig: join("d", "config.json"),
  });
  const empty = { [HOME]: "home", PULLAMA_KEY: "", DOCKER_CONFIG: "", PULLAMA_REGISTRY_HOST: "" };
  assert.deepEqual(identity(empty), identity({ [HOME]: "home" }));
});

Deno.test("identityIn() has the token hosts that the user names", () => {
  assert.deepEqual(identityIn(() => undefined, ["sso.corp"]), { tokenHosts: ["sso.corp"] });
});

Deno.test("identityIn() uses user name and password only for the named host", () => {
  const login = { PULLAMA_REGISTRY_USER: "u", PULLAMA_REGISTRY_PASSWORD: "p" };
  assert.deepEqual(identity(login), {});
  assert.deepEqual(identity({ ...login, PULLAMA_REGISTRY_HOST: "h:5000" }), {
    login: { host: "h:5000", user: "u", password: "p" },
  });
  assert.deepEqual(identity({ PULLAMA_REGISTRY_HOST: "h" }), {});
});
