import assert from "node:assert/strict";
import { join } from "node:path";
import { width } from "../../../src/ui/terminal/draw.ts";
import { snapshotOf } from "../../fakes/models_folder.ts";
import { makeModel } from "../../fakes/model.ts";
import { type Registry, startRegistry } from "../../fakes/registry.ts";
import { colorTerminal, screenOf } from "../../ui/fake_terminal.ts";
import { type FakeHost, fakeHost, type HostParts, type Ran, ran } from "../fake_host.ts";

/** A registry with a model, and a models folder that does not exist yet. */
async function place() {
  await using stack = new AsyncDisposableStack();
  const registry = stack.use(await startRegistry({ blobHosts: 1, onPort: true }));
  const { name } = registry.add("library/tiny:latest", makeModel({ size: 5_000_000 }));
  const root = await Deno.makeTempDir({ prefix: "pullama-doctor-" });
  stack.defer(() => Deno.remove(root, { recursive: true }));
  const owned = stack.move();
  return {
    registry,
    name,
    models: join(root, "models"),
    async doctor(words: readonly string[], host?: FakeHost): Promise<Ran> {
      const here = ["--insecure", "--models-dir", `${root}/models`];
      const done = await ran(["doctor", ...words, ...here], host);
      assert.deepEqual([...snapshotOf(root)], [], "nothing is left");
      return done;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A host that is interrupted at the first request for a manifest, which gets no response. */
function stoppedAtManifest(registry: Registry, parts: HostParts = {}): FakeHost {
  const host = fakeHost(parts);
  registry.faults.manifest = () => {
    host.interrupt();
    return { delayMs: Infinity };
  };
  return host;
}

/** Masks everything that differs between runs and machines. */
function masked(text: string, { models, registry }: Awaited<ReturnType<typeof place>>): string {
  return text.replaceAll(models, "MODELS")
    .replaceAll(registry.host, "REGISTRY")
    .replaceAll(registry.blobHosts[0]!, "BLOBS")
    .replace(/^(\S+ +server +).*$/m, "$1SERVER")
    .replace(/^(\S+ +key +).*$/m, "$1KEY")
    .replace(/^(\S+ +proxy +).*$/m, "$1PROXY")
    .replace(/would be created.*$/m, "would be created …")
    .replace(/(to download), .*$/m, "$1 …")
    .replace(/^(\S+ +speed +).*$/m, "$1SPEED")
    .replace(/, \d+(\.\d+)? m?s$/gm, "");
}

Deno.test("doctor prints a line for each check, the hosts, and the result", async () => {
  await using at = await place();
  const { code, out, err } = await at.doctor([at.name]);
  assert.deepEqual([code, err], [0, ""]);
  assert.equal(
    masked(out, at),
    `> pullama doctor REGISTRY/library/tiny:latest
ok   folder    MODELS (--models-dir), would be created …
ok   server    SERVER
${/^.*\bkey\b.*$/m.exec(masked(out, at))![0]}
ok   proxy     PROXY
-    dns       127.0.0.1 is an IP address
ok   tcp       connected to REGISTRY
-    tls       plain http, neither encrypted nor authenticated
-    clock     no valid Date header in the registry's response
ok   manifest  ${
      /manifest +([0-9a-f]{12})/.exec(out)![1]
    }, 5.0 MB, 5 blobs, no authentication needed
ok   space     5.0 MB to download …
ok   redirect  blobs come from BLOBS
ok   range     ${/206 with .*requested/.exec(out)![0]}
ok   speed     SPEED
hosts to allow: REGISTRY (registry), BLOBS (blobs)
all checks passed
`,
  );
});

Deno.test("doctor exits with the code of the first failure and prints a hint", async () => {
  await using at = await place();
  const { code, out, err } = await at.doctor([`${at.registry.host}/library/nosuch`]);
  assert.deepEqual([code, err], [4, ""]);
  assert.match(out, /^FAIL manifest {2}model not found on \S+, \d+ ms\n {15}hint: /m);
  assert.match(out, /^- {4}speed {5}not checked: manifest failed$/m);
  assert.match(out, /\n1 of 13 checks failed, 4 not checked\n$/);
});

Deno.test("doctor --quiet prints only failures", async () => {
  await using at = await place();
  const well = await at.doctor(["-q", at.name]);
  assert.deepEqual([well.code, well.out, well.err], [0, "", ""]);
  const { code, out } = await at.doctor(["--quiet", "nobody.invalid/library/m"]);
  assert.equal(code, 1);
  assert.match(out, /^FAIL dns .*\n +hint: .*\n$/);
});

Deno.test("doctor --output json prints one document with all checks", async () => {
  await using at = await place();
  const { code, out, err } = await at.doctor([at.name, "--output", "json"]);
  assert.deepEqual([code, err, out.split("\n").length], [0, "", 2]);
  const { ok, checks, hosts } = JSON.parse(out);
  assert.equal(ok, true);
  assert.equal(checks.length, 13);
  for (const { name, ok, skipped, found, ms } of checks) {
    assert.ok(ok !== skipped && found.length > 0 && ms >= 0, name);
  }
  assert.deepEqual(hosts.map(({ what }: { what: string }) => what), ["registry", "blobs"]);
  assert.match((await at.doctor([at.name, "--output", "debug"])).out, /^ {2}exit_code: 0,$/m);
});

Deno.test("doctor --verbose prints each request without its query", async () => {
  await using at = await place();
  const { out } = await at.doctor(["-v", at.name]);
  assert.match(out, /^- GET http:\/\/\S+\/manifests\/latest, 200, \d+ ms$/m);
  assert.match(out, /^- GET http:\/\/\S+\/data, 206, \d+ ms$/m);
  assert.doesNotMatch(out, /\?|Signature/);
});

Deno.test("doctor on a terminal shows the pending check, and overwrites it", async () => {
  await using at = await place();
  const host = fakeHost({ terminal: () => colorTerminal(100) });
  const { out } = await at.doctor([at.name], host);
  assert.ok(host.out.writes.some((text) => text.includes("manifest…")));
  const { rows, widest } = screenOf(out);
  assert.equal(rows[0], `▸ pullama doctor ${at.name}`);
  assert.match(rows[1]!, /^✓ folder {4}/);
  assert.equal(rows.at(-1), "all checks passed");
  assert.ok(widest < 100);
  assert.ok(!rows.some((row) => row.includes("…")));
  const plain = fakeHost({ terminal: () => colorTerminal(100) });
  const { out: ascii } = await at.doctor([at.name, "--no-color"], plain);
  assert.match(ascii, /^[\x20-\x7e\n]+$/);
});

Deno.test("doctor exits with 1 at once when interrupted, and prints no partial document", async () => {
  await using at = await place();
  const terminal = stoppedAtManifest(at.registry, { terminal: () => colorTerminal() });
  const shown = await at.doctor([at.name], terminal);
  assert.deepEqual([shown.code, shown.err], [1, "interrupted\n"]);
  assert.doesNotMatch(screenOf(shown.out).rows.join(), /manifest|speed|all checks passed/);
  const host = stoppedAtManifest(at.registry);
  const json = await at.doctor([at.name, "--output", "json"], host);
  assert.deepEqual([json.code, json.err], [1, "interrupted\n"]);
  const { error, ...rest } = JSON.parse(json.out);
  assert.deepEqual([error.kind, error.exit_code, rest], ["interrupted", 1, {}]);
});

Deno.test("doctor rejects an invalid model name, and more than one model", async () => {
  await using at = await place();
  const { code, out, err } = await at.doctor(["a b"]);
  assert.deepEqual([code, out], [1, ""]);
  assert.match(err, /^invalid model name "a b"/);
  assert.match((await at.doctor(["a", "b"])).err, /too many arguments/);
  const missing = await at.doctor([at.name, "--ca-cert", `${at.models}/nosuch.pem`]);
  assert.equal(missing.code, 1);
  assert.match(missing.err, /^cannot read the certificates in /m);
});

Deno.test("doctor --help prints its flags, its default and examples within 80 columns", async () => {
  for (const argv of [["doctor", "--help"], ["help", "doctor"]]) {
    const { code, out } = await ran(argv);
    assert.equal(code, 0);
    const words =
      "all-minilm --models-dir --insecure --ca-cert --token-host --mirror --offline --output --quiet Examples:";
    for (const word of words.split(" ")) assert.ok(out.includes(word), word);
    for (const line of out.split("\n")) assert.ok(width(line) <= 80, line);
  }
});
