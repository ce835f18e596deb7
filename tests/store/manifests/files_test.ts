import assert from "node:assert/strict";
import { fullName, matchingName, type ModelName, parseName } from "../../../src/core/name.ts";
import { manifestFiles, readManifestFile } from "../../../src/store/manifests/files.ts";
import { writeModelsFolder } from "../../fakes/models_folder.ts";
import { World } from "../world.ts";

const files = (...names: readonly string[]) => names.map((name) => ({ name: parseName(name) }));
const spelled = (found: readonly { readonly name: ModelName }[]) =>
  found.map((f) => fullName(f.name));

Deno.test("manifestFiles() finds the manifests of all trees, but not files left by a desktop", async () => {
  await using world = await World.make();
  const { models, newer, listed } = writeModelsFolder(world.models);
  const found = await manifestFiles(world.paths);
  assert.deepEqual(
    found.map(({ path }) => path),
    [
      ...Object.values(models).map(({ path }) => path),
      newer.path,
      listed.path,
      models.llama.path.replace("manifests/", "manifests-v2/"),
    ].map((path) => `${world.models}/${path}`).sort(),
  );
  for (const { path, tree, name } of found) {
    assert.ok(path.startsWith(`${world.models}/${tree}/`));
    assert.ok(name && path.endsWith(fullName(name).replace(/:([^:]*)$/, "/$1")), path);
  }
});

Deno.test("readManifestFile() reads every manifest that Ollama writes, including links", async () => {
  await using world = await World.make();
  const { models, newer, listed } = writeModelsFolder(world.models);
  const read = (path: string) => readManifestFile({ path: `${world.models}/${path}` });
  for (const { path, hex, blobs } of [...Object.values(models), newer]) {
    const manifest = await read(path);
    assert.ok("layers" in manifest);
    assert.equal(manifest.digest, `sha256:${hex}`);
    assert.equal([manifest.config, ...manifest.layers].length, blobs.length, path);
  }
  assert.ok("entries" in await read(listed.path));
});

Deno.test("matchingName() prefers the exact spelling to one that differs in case", () => {
  const installed = files("Model", "model:Q4", "model:q4", "user/model");
  assert.deepEqual(spelled(matchingName(installed, parseName("model"))), [
    "registry.ollama.ai/library/Model:latest",
  ]);
  assert.deepEqual(spelled(matchingName(installed, parseName("model:q4"))), [
    "registry.ollama.ai/library/model:q4",
  ]);
  assert.deepEqual(spelled(matchingName(installed, parseName("REGISTRY.OLLAMA.AI/User/Model"))), [
    "registry.ollama.ai/user/model:latest",
  ]);
  assert.deepEqual(matchingName(installed, parseName("other")), []);
});

Deno.test("matchingName() rejects a name as ambiguous if two models differ only in case", () => {
  assert.throws(
    () => matchingName(files("Model", "MODEL"), parseName("model")),
    (error: Error & { kind?: string }) =>
      error.kind === "usage" &&
      /library\/Model:latest and .*library\/MODEL:latest/.test(error.message),
  );
});
