import assert from "node:assert/strict";
import { modelsDirWarnings } from "../../../src/cli/args/options.ts";
import { modelsDir } from "../../../src/setup/models_dir.ts";
import { fakeHost, type HostParts, ran } from "../fake_host.ts";

const SERVICE = "/usr/share/ollama/.ollama/models";

function dir(env: HostParts["env"] = {}, flag?: string, os = "linux"): string {
  return modelsDir(flag, fakeHost({ env, os }));
}

Deno.test("modelsDir() is the flag, else OLLAMA_MODELS, else the default in the home directory", () => {
  const env = { HOME: "/home/u", OLLAMA_MODELS: "/env" };
  assert.equal(dir(env, "/flag"), "/flag");
  assert.equal(dir(env), "/env");
  assert.equal(dir({ HOME: "/home/u" }), "/home/u/.ollama/models");
  assert.equal(dir({ HOME: "/home/u", OLLAMA_MODELS: "" }), "/home/u/.ollama/models");
  assert.equal(
    dir({ USERPROFILE: "C:\\Users\\u", HOME: "/c/u" }, undefined, "windows"),
    "C:\\Users\\u\\.ollama\\models",
  );
});

Deno.test("modelsDir() strips blanks and quotes from OLLAMA_MODELS as Ollama does", () => {
  assert.equal(dir({ OLLAMA_MODELS: '  "/my models" ' }), "/my models");
  assert.equal(dir({ OLLAMA_MODELS: "'/m'" }), "/m");
  assert.equal(dir({ OLLAMA_MODELS: "~/m" }), "~/m");
});

Deno.test("modelsDirWarnings() warns about a relative OLLAMA_MODELS", () => {
  const warn = (path: string, os = "linux") =>
    modelsDirWarnings(undefined, fakeHost({ env: { HOME: "/h", OLLAMA_MODELS: path }, os }))
      .map(({ message }) => message);
  assert.deepEqual(warn("models"), ["OLLAMA_MODELS is a relative path (models)"]);
  assert.deepEqual(warn("/models"), []);
  assert.deepEqual(warn("D:\\models", "windows"), []);
});

Deno.test("modelsDirWarnings() warns if only the Linux service has a models folder", () => {
  const manifests = "/home/u/.ollama/models/manifests";
  const env = { HOME: "/home/u" };
  const count = (parts: HostParts, flag?: string) =>
    modelsDirWarnings(flag, fakeHost({ env, os: "linux", ...parts })).length;
  assert.equal(count({ folders: { [SERVICE]: "filled" } }), 1);
  assert.equal(count({ folders: { [SERVICE]: "closed" } }), 1);
  assert.equal(count({ folders: { [SERVICE]: "filled", [manifests]: "empty" } }), 1);
  assert.equal(count({ folders: { [SERVICE]: "filled", [manifests]: "filled" } }), 0);
  assert.equal(count({}), 0);
  assert.equal(count({ folders: { [SERVICE]: "filled" } }, "/flag"), 0);
  assert.equal(count({ folders: { [SERVICE]: "filled" }, os: "darwin" }), 0);
  assert.equal(
    count({ folders: { [SERVICE]: "filled" }, env: { HOME: "/usr/share/ollama" } }),
    0,
  );
});

Deno.test("run() prints warnings on stderr, and with JSON also on stdout", async () => {
  const env = { HOME: "/h", OLLAMA_MODELS: "models" };
  const text = await ran(["m"], fakeHost({ env }));
  assert.match(text.err, /^warning: OLLAMA_MODELS is a relative path \(models\)\nhint: .*\n$/);
  assert.ok(!text.out.includes("OLLAMA_MODELS"));
  const json = await ran(["m", "--output", "json"], fakeHost({ env }));
  assert.equal(json.err, text.err);
  assert.equal(JSON.parse(json.out.split("\n")[0] ?? "").event, "warning");
});

Deno.test("run() takes certificates from the environment unless the flag is given", async () => {
  const env = { HOME: "/h", SSL_CERT_FILE: "/env.pem", SSL_CERT_DIR: "/certs" };
  const found = (await ran(["m"], fakeHost({ env }))).options;
  assert.deepEqual([found?.caCert, found?.caDir], ["/env.pem", "/certs"]);
  const named = (await ran(["m", "--ca-cert", "/flag.pem"], fakeHost({ env }))).options;
  assert.deepEqual([named?.caCert, named?.caDir], ["/flag.pem", undefined]);
});

Deno.test("run() takes token hosts from the environment unless the flag is given", async () => {
  const env = { HOME: "/h", PULLAMA_TOKEN_HOSTS: "a.corp,b.corp:8443" };
  const found = (await ran(["m"], fakeHost({ env }))).options;
  assert.deepEqual(found?.tokenHosts, ["a.corp", "b.corp:8443"]);
  const named = (await ran(["m", "--token-host", "c.corp"], fakeHost({ env }))).options;
  assert.deepEqual(named?.tokenHosts, ["c.corp"]);
  const wrong = await ran(["m"], fakeHost({ env: { ...env, PULLAMA_TOKEN_HOSTS: "https://a" } }));
  assert.equal(wrong.code, 1);
  assert.match(
    wrong.err,
    /^invalid host in PULLAMA_TOKEN_HOSTS: expected a host, not a URL\nhint: /,
  );
});

Deno.test("run() limits --timeout to the maximum of a timer", async () => {
  const { options } = await ran(["m", "--timeout", "365d"]);
  assert.equal(options?.timeoutMs, 2 ** 31 - 1);
});
