/** `pullama serve` as a program, and real clients. */

import assert from "node:assert/strict";
import { makeModel } from "../fakes/model.ts";
import { testWith } from "../needs.ts";
import { type Place, place } from "../serve/place.ts";
import { install, type Installed } from "../store/installed_models.ts";
import { kill, runToEnd, spawnAlone } from "./child.ts";
import { openOllama } from "./ollama.ts";
import { cacheOfDeno, pullama, pullamaCommand } from "./program.ts";
import { startServing } from "./serving.ts";
import { assertInstalled, sha256Of } from "./store.ts";

const WINDOWS = Deno.build.os === "windows";

function pushed({ path, blobs }: Installed) {
  return {
    manifest: Deno.readFileSync(path),
    blobs: blobs.map((blob) => ({
      digest: blob.slice(blob.lastIndexOf("/") + 1).replace("-", ":"),
      size: Deno.statSync(blob).size,
    })),
  };
}

testWith(
  ["a real Ollama"],
  "a real `ollama pull` takes a model from pullama serve, with the same ID",
  async () => {
    await using at = await place(3 << 20);
    await using server = await startServing(at.models, at.root);
    const home = `${at.root}/home`;
    const there = `${at.root}/there`;
    Deno.mkdirSync(home);
    await using ollama = await openOllama({ models: there, home });
    const name = `${server.host}/library/tiny`;
    await ollama.run("pull", "--insecure", `http://${name}`);
    assert.match(
      await ollama.run("list"),
      new RegExp(`${name}:latest +${at.tiny.hex.slice(0, 12)} `),
    );
    assertInstalled(there, `${name}:latest`, pushed(at.tiny));
  },
);

Deno.test("pullama pulls from pullama serve by its address as a registry, with the same ID", async () => {
  await using at = await place(8 << 20);
  await using server = await startServing(at.models, at.root);
  const there = `${at.root}/there`;
  const name = `${server.host}/library/tiny`;
  const args = ["pull", name, "--insecure", "--models-dir", there];
  const { code, err } = await pullama(args, { home: at.root });
  assert.equal(code, 0, err);
  assertInstalled(there, `${name}:latest`, pushed(at.tiny));
  // There a signal from another program only kills.
  if (WINDOWS) return;
  const { code: ended, out } = await server.end("SIGTERM");
  assert.equal(ended, 0);
  assert.match(out, /^stopped: \d+ requests, \d/m);
});

testWith(["the tests of packages"], "curl resumes a blob of pullama serve", async () => {
  await using at = await place(8 << 20);
  await using server = await startServing(at.models, at.root);
  const { digest, path, size } = at.weights;
  const url = `http://${server.host}/v2/library/tiny/blobs/${digest}`;
  const file = `${at.root}/blob`;
  Deno.writeFileSync(file, Deno.readFileSync(path).subarray(0, 1_000_001));
  const curl = await runToEnd(["curl", "-sf", "-C", "-", "-o", file, url]);
  assert.equal(curl.code, 0, curl.err);
  assert.equal(sha256Of(file), digest.slice("sha256:".length));
  const part = await runToEnd(["curl", "-sf", "-r", `${size - 10}-`, "-o", file, url]);
  assert.equal(part.code, 0);
  assert.equal(Deno.statSync(file).size, 10);
});

testWith(["skopeo"], "skopeo reads a manifest and the tags of pullama serve", async () => {
  await using at = await place();
  await using server = await startServing(at.models, at.root, ["--list"]);
  const image = `docker://${server.host}/library/tiny`;
  const inspect = ["skopeo", "inspect", "--raw", "--tls-verify=false", image];
  const { code, out, err } = await runToEnd(inspect);
  assert.equal(code, 0, err);
  assert.equal(out, Deno.readTextFileSync(at.tiny.path));
  const tags = await runToEnd(["skopeo", "list-tags", "--tls-verify=false", image]);
  assert.deepEqual(JSON.parse(tags.out).Tags, ["latest"], tags.err);
});

/** Kills the server while a model is pulled, starts it again at the same address, and pulls the rest. */
async function killed(at: Place, who: "server" | "client"): Promise<number> {
  const first = await startServing(at.models, at.root, ["--limit-rate", "20M"]);
  const { host } = first;
  const name = `${host}/library/tiny`;
  const there = `${at.root}/there`;
  const args = ["pull", name, "--insecure", "--models-dir", there, "--connections", "2"];
  const output = ["--output", "json", "--max-retries", "0"];
  const command = [...pullamaCommand(), ...args, ...output];
  const client = spawnAlone(command, { env: { HOME: at.root, ...cacheOfDeno() } });
  const failed = new Response(client.stderr).text();
  let text = "";
  for await (const piece of client.stdout.pipeThrough(new TextDecoderStream())) {
    text += piece;
    const done = [...text.matchAll(/"OverallDone":(\d+)/g)].at(-1)?.[1] ?? "0";
    if (Number(done) < 6_000_000) continue;
    if (who === "client") kill(client, "SIGKILL");
    else await first.end("SIGKILL");
    break;
  }
  await client.status;
  await failed;
  if (who === "client") await first.end("SIGTERM");
  await using again = await startServing(at.models, at.root, [
    "--listen",
    WINDOWS ? `${host}:80` : host,
  ]);
  const { code, out, err } = await pullama([...args, "--output", "json"], { home: at.root });
  assert.equal(code, 0, err);
  assert.equal(again.host, host);
  assertInstalled(there, `${name}:latest`, pushed(at.tiny));
  const { FetchedBytes } = JSON.parse(out.trim().split("\n").at(-1)!);
  Deno.removeSync(there, { recursive: true });
  return FetchedBytes;
}

for (const who of ["server", "client"] as const) {
  Deno.test(`a ${who} that is killed in the middle costs less than 1 MiB a connection`, async () => {
    await using at = await place(16 << 20);
    const left = await killed(at, who);
    assert.ok(left < at.weights.size + 10_000 - 6_000_000 + (2 << 20), String(left));
  });
}

Deno.test("ten clients at once all get the model", async () => {
  await using at = await place(4 << 20);
  install(at.models, "other/latest", makeModel({ size: 4000, seed: 2 }));
  await using server = await startServing(at.models, at.root);
  const name = `${server.host}/library/tiny`;
  await Promise.all(Array.from({ length: 10 }, async (_, i) => {
    const there = `${at.root}/there-${i}`;
    const args = ["pull", name, "--insecure", "--models-dir", there, "-q"];
    const { code, err } = await pullama(args, { home: at.root });
    assert.equal(code, 0, err);
    assertInstalled(there, `${name}:latest`, pushed(at.tiny));
  }));
});
