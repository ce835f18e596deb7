import assert from "node:assert/strict";
import { parseName } from "../../../src/core/name.ts";
import { World } from "../world.ts";
import { linkTo } from "../../fakes/link.ts";
import { testWith } from "../../needs.ts";

async function install(world: World, path: string): Promise<void> {
  const file = `${world.paths.manifests}/${path}`;
  await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
  await Deno.writeTextFile(file, "{}");
}

async function spelled(world: World, name: string): Promise<string> {
  const { host, namespace, model, tag } = await world.folder().spelling(parseName(name));
  return `${host}/${namespace}/${model}/${tag}`;
}

Deno.test("case 9: an installed spelling is reused, part by part", async () => {
  await using world = await World.make();
  await install(world, "registry.ollama.ai/library/Model/latest");
  await install(world, "hf.co/Org/Repo-GGUF/Q4_K_M");
  assert.equal(await spelled(world, "model"), "registry.ollama.ai/library/Model/latest");
  assert.equal(await spelled(world, "hf.co/org/repo-gguf:q4_k_m"), "hf.co/Org/Repo-GGUF/Q4_K_M");
  assert.equal(await spelled(world, "org/other"), "registry.ollama.ai/Org/other/latest");
  assert.equal(await spelled(world, "Org/MODEL:Q4_K_M"), "registry.ollama.ai/Org/Model/Q4_K_M");
});

testWith(
  ["names that differ in case"],
  "case 9: a part that is installed as typed keeps that spelling",
  async () => {
    await using world = await World.make();
    await install(world, "registry.ollama.ai/library/Model/latest");
    await install(world, "registry.ollama.ai/library/model/latest");
    assert.equal(await spelled(world, "model"), "registry.ollama.ai/library/model/latest");
    assert.equal(await spelled(world, "MODEL"), "registry.ollama.ai/library/Model/latest");
  },
);

Deno.test("spelling() keeps the name as typed if the models folder does not exist", async () => {
  await using world = await World.make();
  await Deno.remove(world.models);
  assert.equal(await spelled(world, "Model:Tag"), "registry.ollama.ai/library/Model/Tag");
});

testWith(
  ["symbolic links"],
  "spelling() follows links and ignores files and directories at other depths",
  async () => {
    await using world = await World.make();
    await install(world, "registry.ollama.ai/library/Deep/er/file");
    await install(world, "Stray");
    await Deno.mkdir(`${world.root}/elsewhere`);
    await Deno.writeTextFile(`${world.root}/elsewhere/TAG`, "{}");
    linkTo(
      `${world.root}/elsewhere`,
      `${world.paths.manifests}/registry.ollama.ai/library/Linked`,
    );
    assert.equal(await spelled(world, "linked:tag"), "registry.ollama.ai/library/Linked/TAG");
    assert.equal(await spelled(world, "deep"), "registry.ollama.ai/library/deep/latest");
  },
);
