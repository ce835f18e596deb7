import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

Deno.test("serve.ts prints its address, serves a model and counts the bytes sent", async () => {
  const script = fileURLToPath(new URL("serve.ts", import.meta.url));
  await using server = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", script, "--size", "300KiB", "--blob-hosts", "1", "--for", "60"],
    stdout: "piped",
  }).spawn();
  const reader = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let line = "";
  while (!line.includes("\n")) line += (await reader.read()).value ?? assert.fail("it ended");
  const { host, model, digest } = JSON.parse(line);
  assert.equal(model, `${host}/library/tiny:latest`);

  const accept = "application/vnd.docker.distribution.manifest.v2+json";
  const url = `http://${host}/v2/library/tiny`;
  const manifest = await fetch(`${url}/manifests/${digest}`, { headers: { accept } });
  const [weights] = (await manifest.json()).layers;
  const bytes = await (await fetch(`${url}/blobs/${weights.digest}`)).arrayBuffer();
  assert.equal(bytes.byteLength, weights.size);
  const stats = await (await fetch(`http://${host}/__stats`)).json();
  assert.equal(stats.blobs[weights.digest], weights.size);
  assert.equal(stats.manifests, 1);

  server.kill("SIGKILL");
  await reader.cancel();
});
