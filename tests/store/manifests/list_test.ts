import assert from "node:assert/strict";
import { PullamaError } from "../../../src/core/errors.ts";
import type { Inventory } from "../../../src/core/reports/installed.ts";
import { displayName, fullName, parseName } from "../../../src/core/name.ts";
import { inventoryOf } from "../../../src/store/manifests/list.ts";
import { findInstalled, installedNames } from "../../../src/store/manifests/installed.ts";
import { pathsOf } from "../../../src/store/layout/paths.ts";
import { linkTo } from "../../fakes/link.ts";
import { makeModel } from "../../fakes/model.ts";
import { writeModelsFolder } from "../../fakes/models_folder.ts";
import { CLOUD_STUB, install, layer, putBlob, tensorModel } from "../installed_models.ts";
import { World } from "../world.ts";
import { testWith } from "../../needs.ts";

const MACHINE = { os: "linux", arch: "x86_64" };
const MODEL = makeModel({ size: 0 });
const LICENCE = { layers: [layer("license", "free\n")] };

function list(world: World): Promise<Inventory> {
  return inventoryOf(world.paths, MACHINE);
}

function names({ models }: Inventory): string[] {
  return models.map(({ name }) => displayName(name));
}

Deno.test("inventoryOf() lists the newest first, and models of the same second by name", async () => {
  await using world = await World.make();
  const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second));
  install(world.models, "old/latest", LICENCE, { modified: at(1) });
  install(world.models, "b/latest", LICENCE, { modified: new Date(at(2).getTime() + 900) });
  install(world.models, "a/latest", LICENCE, { modified: at(2) });
  install(world.models, "hf.co/User/Repo-GGUF/Q4_K_M", LICENCE, { modified: at(5) });
  install(world.models, "registry.ollama.ai/me/mine/7b", LICENCE, { modified: at(4) });
  const found = await list(world);
  assert.deepEqual(names(found), [
    "hf.co/User/Repo-GGUF:Q4_K_M",
    "me/mine:7b",
    "a:latest",
    "b:latest",
    "old:latest",
  ]);
  assert.equal(found.models[0]!.modifiedMs, at(5).getTime());
});

Deno.test("inventoryOf() has the digest of the manifest, and the total size of layers and config", async () => {
  await using world = await World.make();
  const [first] = MODEL.layers;
  const twice = { ...MODEL, layers: [...MODEL.layers, first!] };
  const { hex, blobs } = install(world.models, "m/latest", twice);
  const { models } = await list(world);
  const sum = blobs.reduce((sum, path) => sum + Deno.statSync(path).size, 0);
  assert.deepEqual([models[0]!.digest, models[0]!.size], [`sha256:${hex}`, sum]);
});

Deno.test("inventoryOf() lists a model whose blobs are missing", async () => {
  await using world = await World.make();
  install(world.models, "m/latest", MODEL);
  Deno.removeSync(world.paths.blobs, { recursive: true });
  const { models, broken } = await list(world);
  assert.deepEqual([names({ models, broken, hidden: [] }), broken], [["m:latest"], []]);
});

testWith(
  ["symbolic links"],
  "inventoryOf() reports broken manifests, and lists the others",
  async () => {
    await using world = await World.make();
    install(world.models, "good/latest", LICENCE);
    const cut = install(world.models, "cut/latest", { manifest: '{"schemaVersion":2,"la' }).path;
    const empty = install(world.models, "empty/latest", { manifest: "" }).path;
    const odd = install(world.models, "odd/two words", LICENCE).path;
    const link = `${world.models}/manifests/registry.ollama.ai/library/good/linked`;
    linkTo("/nowhere", link);
    const found = await list(world);
    assert.deepEqual(names(found), ["good:latest"]);
    assert.deepEqual(found.broken.map(({ path }) => path), [cut, empty, link, odd]);
    for (const { path, reason } of found.broken) assert.ok(reason.includes(path), reason);
    assert.match(found.broken[0]!.reason, /it is not JSON/);
    assert.match(found.broken[2]!.reason, /broken symbolic link/);
    assert.match(found.broken[3]!.reason, /not a valid model name/);
    assert.deepEqual(found.broken.map(({ name }) => name && displayName(name)), [
      "cut:latest",
      "empty:latest",
      "good:linked",
      undefined,
    ]);
  },
);

Deno.test("inventoryOf() ignores other files of operating systems and programs", async () => {
  await using world = await World.make();
  const { path } = install(world.models, "m/latest", LICENCE);
  const folder = path.slice(0, path.lastIndexOf("/"));
  for (const name of ["._latest", ".DS_Store"]) Deno.writeTextFileSync(`${folder}/${name}`, "x");
  Deno.writeTextFileSync(`${world.models}/manifests/README`, "x");
  Deno.mkdirSync(`${folder}/nested`);
  install(world.models, "m/latest", LICENCE, { tree: "manifests.bak" });
  install(world.models, "gone/latest", LICENCE, { tree: "manifests-old" });
  const found = await list(world);
  assert.deepEqual([names(found), found.broken, found.hidden], [["m:latest"], [], []]);
});

Deno.test("inventoryOf() is empty if the models folder is missing or empty", async () => {
  await using world = await World.make();
  const nothing = { models: [], broken: [], hidden: [] };
  assert.deepEqual(await list(world), nothing);
  assert.deepEqual(await inventoryOf(pathsOf(`${world.root}/nowhere`), MACHINE), nothing);
});

Deno.test("inventoryOf() distinguishes a remote model from one of tensors", async () => {
  await using world = await World.make();
  install(world.models, "cloud/latest", CLOUD_STUB);
  install(world.models, "tensors/latest", tensorModel(3));
  install(world.models, "plain/latest", MODEL);
  const { models } = await list(world);
  const remotes = models.map(({ name, remote }) => [name.model, remote?.model]);
  assert.deepEqual(remotes.sort(), [
    ["cloud", "gpt-oss:120b"],
    ["plain", undefined],
    ["tensors", undefined],
  ]);
});

Deno.test("inventoryOf() lists the manifest that servers prefer, and reports the hidden one", async () => {
  await using world = await World.make();
  const ours = install(world.models, "m/latest", LICENCE);
  const theirs = install(world.models, "m/latest", MODEL, { tree: "manifests-v2" });
  install(world.models, "only/latest", LICENCE, { tree: "manifests-v2" });
  const { models, hidden } = await list(world);
  const ids = models.map(({ name, digest }) => `${name.model} ${digest.slice(7)}`);
  assert.equal(models.length, 2);
  assert.ok(ids.includes(`m ${theirs.hex}`), ids.join());
  assert.deepEqual(hidden.map(({ path }) => path), [ours.path]);
});

Deno.test("inventoryOf() does not report a manifest that is hidden by a copy of itself", async () => {
  await using world = await World.make();
  install(world.models, "m/latest", MODEL);
  install(world.models, "m/latest", MODEL, { tree: "manifests-v2" });
  const found = await list(world);
  assert.deepEqual([names(found), found.hidden], [["m:latest"], []]);
});

Deno.test("inventoryOf() has the size of the manifest that an index lists for this machine", async () => {
  await using world = await World.make();
  const child = install(world.models, "child/latest", MODEL);
  const { hex, size } = putBlob(world.models, Deno.readFileSync(child.path));
  const entry = (digest: string, runner: string) => ({ mediaType: "m", digest, runner });
  const manifest = JSON.stringify({
    mediaType: "application/vnd.ollama.manifest.list.v2+json",
    manifests: [entry(`sha256:${"0".repeat(64)}`, "mlx"), entry(`sha256:${hex}`, "ollama")],
  });
  assert.ok(size > 0);
  const list_ = install(world.models, "several/latest", { manifest });
  const { models } = await list(world);
  const [several, alone] = ["several", "child"].map((word) =>
    models.find(({ name }) => name.model === word)!
  );
  assert.deepEqual([several!.size, several!.digest], [alone!.size, `sha256:${list_.hex}`]);
  const onApple = await inventoryOf(world.paths, { os: "darwin", arch: "aarch64" });
  assert.equal(onApple.models.find(({ name }) => name.model === "several")!.size, undefined);
});

Deno.test("inventoryOf() does not open blobs of a model with weights", async () => {
  await using world = await World.make();
  // With this config the model would be listed as remote.
  install(world.models, "m/latest", { ...MODEL, config: CLOUD_STUB.config! });
  const { models } = await list(world);
  assert.deepEqual(models.map(({ remote }) => remote), [undefined]);
});

Deno.test("inventoryOf() finds exactly the models in a folder that Ollama and others have written", async () => {
  await using world = await World.make();
  const folder = writeModelsFolder(world.models);
  const found = await list(world);
  const all = [...Object.values(folder.models), folder.newer, folder.listed];
  const lines = (models: readonly { readonly name: string; readonly hex: string }[]) =>
    models.map(({ name, hex }) => `${name} ${hex}`).sort();
  assert.deepEqual(
    lines(found.models.map(({ name, digest }) => ({ name: fullName(name), hex: digest.slice(7) }))),
    lines(all),
  );
  assert.deepEqual([found.broken, found.hidden], [[], []]);
  const remote = found.models.filter(({ remote }) => remote !== undefined);
  assert.deepEqual(remote.map(({ name }) => name.tag), ["120b-cloud"]);
  const none = found.models.filter(({ size }) => size === undefined);
  assert.deepEqual(none, []);
});

testWith(
  ["names that differ in case"],
  "findInstalled() finds the exact spelling, otherwise one that differs only in case",
  async () => {
    await using world = await World.make();
    install(world.models, "hf.co/User/Repo/Q4_K_M", LICENCE);
    install(world.models, "Model/latest", LICENCE);
    install(world.models, "model/latest", LICENCE);
    const found = async (text: string) => {
      const file = await findInstalled(world.paths, parseName(text));
      return file && fullName(file.name);
    };
    assert.equal(await found("hf.co/user/repo:q4_k_m"), "hf.co/User/Repo:Q4_K_M");
    assert.equal(await found("model"), "registry.ollama.ai/library/model:latest");
    assert.equal(await found("Model"), "registry.ollama.ai/library/Model:latest");
    assert.equal(await found("nosuch"), undefined);
    await assert.rejects(
      found("MODEL"),
      (error) => error instanceof PullamaError && error.kind === "usage",
    );
  },
);

Deno.test("case 113: findInstalled() is not confused by other models with parts in another case", async () => {
  await using world = await World.make();
  install(world.models, "hf.co/a/one/q4_K_M", LICENCE);
  install(world.models, "hf.co/b/two/Q4_K_M", LICENCE);
  for (let i = 0; i < 40; i++) {
    const file = await findInstalled(world.paths, parseName("hf.co/a/one:q4_K_M"));
    assert.equal(file?.name.tag, "q4_K_M");
  }
  assert.equal((await installedNames(world.paths)).length, 2);
});
