import assert from "node:assert/strict";
import { parseName } from "../../../src/core/name.ts";
import { endpointsAt, endpointsByName } from "../../../src/registry/api/endpoint.ts";
import { RegistrySource } from "../../../src/registry/source.ts";
import { startRegistry } from "../../fakes/registry.ts";
import { bytesOf, never } from "../world.ts";

Deno.test("endpointsByName() serves every model at the host in its name", () => {
  const of = (name: string, insecure = false) => {
    const { origin, repository } = endpointsByName(insecure)(parseName(name));
    return `${origin} ${repository}`;
  };
  assert.equal(of("llama3.2"), "https://registry.ollama.ai library/llama3.2");
  assert.equal(of("r.example:5000/a/b:c"), "https://r.example:5000 a/b");
  assert.equal(of("r.example/a/b", true), "http://r.example a/b");
});

Deno.test("endpointsAt() serves every model at a mirror, below the path of its URL", () => {
  const of = (mirror: string, name: string) => {
    const { origin, repository, ns } = endpointsAt(new URL(mirror))(parseName(name));
    return `${origin} ${repository} ${ns}`;
  };
  assert.equal(
    of("http://10.0.0.5:11435", "llama3.2"),
    "http://10.0.0.5:11435 library/llama3.2 registry.ollama.ai",
  );
  assert.equal(
    of("https://h/a/b/", "Registry.Ollama.AI/x/y"),
    "https://h a/b/x/y registry.ollama.ai",
  );
  assert.equal(
    of("http://h", "r.example:5000/a/b:c"),
    "http://h r.example_5000/a/b r.example:5000",
  );
  assert.equal(of("http://h/p", "hf.co/User/Model"), "http://h p/hf.co/User/Model hf.co");
});

Deno.test("a model keeps its name where another host serves it, under a prefix", async () => {
  await using registry = await startRegistry();
  const mediaType = "application/vnd.ollama.image.model";
  const bytes = new TextEncoder().encode("weights");
  const added = registry.add("mirror/library/llama3.2:latest", {
    layers: [{ mediaType, content: bytes }],
  });
  using source = new RegistrySource({
    userAgent: "test",
    endpointOf: ({ namespace, model }) => ({
      origin: registry.url,
      repository: `mirror/${namespace}/${model}`,
    }),
  });
  const name = parseName("llama3.2");
  const manifest = await source.manifest(name, never());
  assert.equal(manifest.digest, added.digest);
  const range = { start: 0, end: bytes.length };
  const body = await source.open(name, manifest.layers[0]!, range, never());
  assert.deepEqual(await bytesOf(body.stream), bytes);
  assert.ok(registry.requests.every(({ path }) => path.startsWith("/v2/mirror/library/llama3.2/")));
});
