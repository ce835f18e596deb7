import assert from "node:assert/strict";
import { makeModel } from "../fakes/model.ts";
import type { AddedModel } from "../fakes/registry.ts";
import { needing } from "../needs.ts";
import { age, openOllama, openWorld } from "./ollama.ts";
import { pullama } from "./program.ts";

const MIB = 1 << 20;

function idOf({ digest }: AddedModel): string {
  return digest.slice("sha256:".length, 19);
}

Deno.test(
  needing(
    ["a real Ollama"],
    "a running Ollama lists and shows an updated model by its new ID, and prunes nothing of it",
  ),
  async () => {
    await using world = await openWorld();
    const old = await world.install("library/tiny:latest", makeModel({ size: 3 * MIB, seed: 1 }));
    const other = await world.install("library/other:latest", makeModel({ size: MIB, seed: 2 }));
    const update = ["update", "--all", "--insecure", "--models-dir", world.models];
    {
      await using ollama = await openOllama(world);
      assert.match(await ollama.run("list"), new RegExp(`${old.name} +${idOf(old)} `));
      const now = world.registry.add("library/tiny:latest", makeModel({ size: 3 * MIB, seed: 3 }));
      const { code, err } = await pullama(update, { home: world.home });
      assert.equal(code, 0, err);
      assert.match(await ollama.run("list"), new RegExp(`${now.name} +${idOf(now)} `));
      assert.match(await ollama.run("show", now.name), /architecture +llama/);
      assert.match(await ollama.run("show", other.name), /architecture +llama/);
    }
    await age(world.models);
    await using ollama = await openOllama(world);
    assert.match(await ollama.run("show", old.name), /architecture +llama/);
  },
);

Deno.test(
  needing(
    ["a real Ollama"],
    "a model that was moved is there for the Ollama of the other folder, and gone for the first, which runs on",
  ),
  async () => {
    await using world = await openWorld();
    const moved = await world.install(
      "library/moved:latest",
      makeModel({ size: 3 * MIB, seed: 1 }),
    );
    const kept = await world.install("library/kept:latest", makeModel({ size: MIB, seed: 2 }));
    await using first = await openOllama(world);
    const models = `${world.models}-other`;
    const { code, err } = await pullama(["mv", moved.name, models, "--models-dir", world.models], {
      home: world.home,
    });
    assert.equal(code, 0, err);
    const list = await first.run("list");
    assert.ok(!list.includes(moved.name) && list.includes(kept.name), list);
    assert.match(await first.run("show", kept.name), /architecture +llama/);
    await age(models);
    await using second = await openOllama({ home: world.home, models });
    assert.match(await second.run("list"), new RegExp(`${moved.name} +${idOf(moved)} +3\\.\\d MB`));
    assert.match(await second.run("show", moved.name), /architecture +llama/);
  },
);

Deno.test(
  needing(
    ["a real Ollama"],
    "a lock file of a folder that Ollama pulled into installs the same IDs elsewhere",
  ),
  async () => {
    // Ollama downloads blobs only from hosts other than the registry.
    await using world = await openWorld({ blobHosts: 1, blobHostName: "localhost" });
    const model = world.registry.add("library/tiny:latest", makeModel({ size: 3 * MIB }));
    await using ollama = await openOllama(world);
    await ollama.run("pull", "--insecure", model.name);
    const { home } = world;
    const lock = await pullama(["list", "--output", "lock", "--models-dir", world.models], {
      home,
    });
    assert.ok(lock.out.includes(`${model.name}@${model.digest}\n`), lock.out);
    const file = `${home}/models.lock`;
    await Deno.writeTextFile(file, lock.out);
    const models = `${world.models}-other`;
    const pull = ["pull", "--from-file", file, "--insecure", "--models-dir", models];
    const { code, err } = await pullama(pull, { home });
    assert.equal(code, 0, err);
    await using other = await openOllama({ home, models });
    assert.match(await other.run("list"), new RegExp(`${model.name} +${idOf(model)} `));
  },
);
