import assert from "node:assert/strict";
import { blobFile } from "../../../src/store/layout/paths.ts";
import {
  type ManifestReferences,
  manifestReferences,
} from "../../../src/store/manifests/references.ts";
import { linkTo } from "../../fakes/link.ts";
import { writeModelsFolder } from "../../fakes/models_folder.ts";
import { type Need, testWith } from "../../needs.ts";
import { World } from "../world.ts";

/** The names of the files in blobs/ that the manifest at `path` needs. */
function usedBy(users: readonly ManifestReferences[], path: string): string[] {
  const user = users.find(({ file }) => file.path.endsWith(`/${path}`));
  return [...user?.digests ?? []].map(blobFile).sort();
}

Deno.test("manifestReferences() includes config, layers and the manifest itself, which may be a blob", async () => {
  await using world = await World.make();
  const { models, newer } = writeModelsFolder(world.models);
  const users = await manifestReferences(world.paths);
  for (const { path, blobs, hex } of [...Object.values(models), newer]) {
    assert.deepEqual(usedBy(users, path), [...blobs, `sha256-${hex}`].sort(), path);
  }
});

Deno.test("manifestReferences() includes the manifests of an index, and the blobs of those that are present", async () => {
  await using world = await World.make();
  const { listed } = writeModelsFolder(world.models);
  const used = usedBy(await manifestReferences(world.paths), listed.path);
  for (const blob of [...listed.blobs, `sha256-${listed.hex}`]) assert.ok(used.includes(blob));
  assert.equal(used.length, listed.blobs.length + 2, "the list and a child that is not here");
});

for (
  const [what, spoil] of [
    ["is truncated", (path: string) => Deno.truncateSync(path, 40)],
    ["is empty", (path: string) => Deno.truncateSync(path)],
    ["is a broken link", (path: string) => relink(path, "nowhere")],
    ["is a link out of blobs/", (path: string) => relink(path, "../../../../..")],
    ["is a link to another manifest", (path: string) => relink(path, "1b")],
    [
      "has an invalid digest",
      (path: string) =>
        Deno.writeTextFileSync(path, Deno.readTextFileSync(path).replace("sha256:", "sha256:../")),
    ],
  ] as const
) {
  const needs: readonly Need[] = what.includes("link") ? ["symbolic links"] : [];
  testWith(
    needs,
    `manifestReferences() rejects with the path of a manifest that ${what}`,
    async () => {
      await using world = await World.make();
      const { models } = writeModelsFolder(world.models);
      const path = `${world.models}/${models.llama.path}`;
      spoil(path);
      await assert.rejects(manifestReferences(world.paths), (error: Error & { hint?: string }) => {
        assert.ok(error.message.includes(path), error.message);
        assert.match(error.hint!, /nothing was removed/);
        return true;
      });
    },
  );
}

function relink(path: string, to: string): void {
  Deno.removeSync(path);
  linkTo(to, path);
}

Deno.test("manifestReferences() includes a file whose path is not a valid model name", async () => {
  await using world = await World.make();
  const { models } = writeModelsFolder(world.models);
  const odd = `${world.models}/manifests/registry.ollama.ai/library/llama3.2/@odd`;
  await Deno.copyFile(`${world.models}/${models.hub.path}`, odd);
  const used = usedBy(await manifestReferences(world.paths), "llama3.2/@odd");
  assert.deepEqual(used, [...models.hub.blobs, `sha256-${models.hub.hex}`].sort());
});
