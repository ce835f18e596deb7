import assert from "node:assert/strict";
import { parseName } from "../../src/core/name.ts";
import { type Disk, realDisk } from "../../src/io/disk.ts";
import { RegistrySource } from "../../src/registry/source.ts";
import { openFolder } from "../../src/store/store.ts";
import { pullModel } from "../../src/transfer/pull.ts";
import { makeModel } from "../fakes/model.ts";
import { needing } from "../needs.ts";
import { kill } from "./child.ts";
import { age, openOllama, openWorld, type World } from "./ollama.ts";
import { cacheOfDeno, pullama, pullamaCommand } from "./program.ts";
import { assertInstalled, filesIn } from "./store.ts";

const MiB = 1 << 20;
const TINY = makeModel({ size: 3 * MiB });
/** The ID of a service user without an account. */
const SERVICE = 64_055;
const AS_SERVICE = ["setpriv", "--reuid", `${SERVICE}`, "--regid", `${SERVICE}`, "--clear-groups"];

Deno.test(
  needing(["a real Ollama"], "a real Ollama lists and shows what pullama pulled"),
  async () => {
    await using world = await openWorld();
    const model = world.registry.add("library/tiny:latest", TINY);
    const { out } = await world.pull(model.name);
    const id = model.digest.slice("sha256:".length, 19);
    assert.ok(out.includes(id), out);
    await using ollama = await openOllama(world);
    assert.match(await ollama.run("list"), new RegExp(`${model.name} +${id} +3\\.\\d MB`));
    assert.match(await ollama.run("show", model.name), /architecture +llama/);
  },
);

Deno.test(
  needing(
    ["a real Ollama"],
    "case 112: `ollama list` shows the same ID as after `ollama pull` of the model",
  ),
  async () => {
    // Ollama downloads blobs only from hosts other than the registry.
    await using ours = await openWorld({ blobHosts: 1, blobHostName: "localhost" });
    await using theirs = await openWorld();
    const model = await ours.install("library/tiny:latest", TINY);
    const lineOf = async (world: World, pull: boolean) => {
      await using ollama = await openOllama(world);
      if (pull) await ollama.run("pull", "--insecure", model.name);
      const line = (await ollama.run("list")).split("\n").find((row) => row.startsWith(model.name));
      return line?.split(/ {2,}/).slice(0, 3);
    };
    const listed = await lineOf(ours, false);
    assert.deepEqual(listed, await lineOf(theirs, true));
    assert.equal(listed?.[1], model.digest.slice("sha256:".length, 19));
  },
);

Deno.test(
  needing(
    ["a real Ollama"],
    "Ollama's prune at startup keeps the model and partial downloads",
  ),
  async () => {
    await using world = await openWorld();
    const model = await world.install("library/tiny:latest", TINY);
    await leaveHalf(world);
    await age(world.models);
    const before = filesIn(world.models);
    assert.ok(before.some((path) => /^\.pullm\/sha256-.*\.partial$/.test(path)), before.join("\n"));
    {
      await using ollama = await openOllama(world);
      assert.match(await ollama.run("list"), /tiny:latest/);
    }
    assert.deepEqual(filesIn(world.models), before);
    const { config, layers, manifest, name } = model;
    assertInstalled(world.models, name, { manifest, blobs: [...layers, config!] });
  },
);

Deno.test(
  needing(
    ["a real Ollama"],
    "case 113: `show` always succeeds although names differ in case from installed ones",
  ),
  async () => {
    await using world = await openWorld();
    const other = await world.install("someone/other:q4_K_M", makeModel({ size: MiB, seed: 2 }));
    const model = await world.install("Someone/tiny:Q4_K_M", TINY);
    assert.deepEqual(
      filesIn(`${world.models}/manifests/${world.registry.host}`),
      ["someone/other/q4_K_M", "someone/tiny/q4_K_M"],
    );
    await using ollama = await openOllama(world);
    for (const name of [model.name, other.name]) {
      const answers = [];
      for (let k = 0; k < 40; k++) answers.push(await ollama.show(name));
      assert.deepEqual(answers, Array(40).fill(200), name);
    }
  },
);

Deno.test(
  needing(
    ["a real Ollama", "root"],
    "case 114: a server of another user lists, copies and removes what root pulled with umask 077",
  ),
  async () => {
    await using world = await openWorld();
    const { home, models } = world;
    await Deno.mkdir(models, { mode: 0o755 });
    await Deno.chown(models, SERVICE, SERVICE);
    await Deno.chown(home, SERVICE, SERVICE);
    const model = world.registry.add("library/tiny:latest", TINY);
    const ended = await pullama([model.name, "--insecure", "--models-dir", models], {
      home,
      prefix: ["sh", "-c", 'umask 077; exec "$@"', "sh"],
    });
    assert.deepEqual([ended.code, ended.err], [0, ""]);
    await age(models);

    await using ollama = await openOllama(world, AS_SERVICE);
    assert.match(await ollama.run("list"), /library\/tiny:latest/);
    await ollama.run("cp", model.name, "copied");
    await ollama.run("cp", model.name, model.name.replace(":latest", ":other"));
    assert.match(await ollama.run("show", "copied"), /architecture +llama/);
    for (const name of ["copied", model.name, model.name.replace(":latest", ":other")]) {
      await ollama.run("rm", name);
    }
    assert.equal((await ollama.run("list")).trim().split("\n").length, 1);
    assert.deepEqual(filesIn(`${models}/blobs`), []);
  },
);

Deno.test(
  needing(
    ["a real Ollama"],
    "case 115: `ollama rm` of a model with shared layers during a commit does not break the new model",
  ),
  async () => {
    await using world = await openWorld();
    const old = await world.install("library/old:latest", TINY);
    const parameters = { mediaType: "application/vnd.ollama.image.params", content: "{}" };
    const [weights, template] = TINY.layers;
    const model = world.registry.add("library/new:latest", {
      layers: [weights!, template!, parameters],
      config: TINY.config,
    });
    const asked = world.registry.requests.length;
    await using ollama = await openOllama(world);
    const blobs = `${world.models}/blobs`;
    const weightsFile = `${blobs}/${model.layers[0]!.digest.replace(":", "-")}`;
    let removed = false;
    const disk: Disk = {
      ...realDisk,
      async rename(from, to) {
        if (to.endsWith("/library/new/latest") && !removed) {
          await ollama.run("rm", old.name);
          removed = !filesIn(blobs).some((file) => weightsFile.endsWith(file));
        }
        await realDisk.rename(from, to);
      },
    };
    await pullWith(disk, world, model.name);
    assert.ok(removed, "ollama rm has taken the shared weights");
    const { manifest, layers, config } = model;
    assertInstalled(world.models, model.name, { manifest, blobs: [...layers, config!] });
    const paths = world.registry.requests.slice(asked).map(({ path }) => path.split("/").at(-1));
    assert.deepEqual(paths, ["latest", model.layers[2]!.digest]);
    assert.match(await ollama.run("show", model.name), /architecture +llama/);
  },
);

Deno.test(
  needing(
    ["a real Ollama"],
    "case 117: the right manifest of an index by runner is stored, and Ollama shows it",
  ),
  async () => {
    await using world = await openWorld();
    const right = world.registry.add("library/listed:ollama", TINY);
    const other = world.registry.add("library/listed:mlx", makeModel({ size: MiB, seed: 2 }));
    const mediaType = "application/vnd.docker.distribution.manifest.v2+json";
    const listType = "application/vnd.ollama.manifest.list.v2+json";
    const list = await world.install("library/listed:latest", {
      manifest: JSON.stringify({
        schemaVersion: 2,
        mediaType: listType,
        manifests: [
          { mediaType, digest: other.digest, runner: "mlx", format: "safetensors" },
          { mediaType, digest: right.digest, runner: "ollama", format: "gguf" },
        ],
      }),
    });
    const { manifest, layers, config } = right;
    assertInstalled(world.models, list.name, { manifest, blobs: [...layers, config!] });
    await using ollama = await openOllama(world);
    assert.match(await ollama.run("list"), new RegExp(right.digest.slice("sha256:".length, 19)));
    assert.match(await ollama.run("show", list.name), /architecture +llama/);
  },
);

Deno.test(
  needing(
    ["a real Ollama"],
    "case 119: `ollama pull` of a model that pullama pulled requests no blob; cp, rm and show work",
  ),
  async () => {
    await using world = await openWorld();
    const model = await world.install("library/tiny:latest", TINY);
    const asked = world.registry.requests.length;
    {
      await using ollama = await openOllama(world);
      await ollama.run("pull", "--insecure", model.name);
      const paths = world.registry.requests.slice(asked).map(({ path }) => path);
      assert.deepEqual(paths, ["/v2/library/tiny/manifests/latest"]);
      await ollama.run("cp", model.name, "copied");
      await ollama.run("rm", model.name);
      const left = await ollama.run("list");
      assert.ok(left.includes("copied:latest") && !left.includes(model.name), left);
    }
    await using fresh = await openOllama(world);
    assert.match(await fresh.run("show", "copied"), /architecture +llama/);
  },
);

/** Leaves a partial download of a second model in the models folder. */
async function leaveHalf({ registry, models, home }: World): Promise<void> {
  const model = registry.add("library/half:latest", makeModel({ size: 8 * MiB, seed: 3 }));
  const [command = "", ...before] = pullamaCommand();
  const pull = [model.name, "--insecure", "--models-dir", models];
  const half = Promise.withResolvers<void>();
  registry.faults.data = (_, n) => {
    if (n < 4) return undefined;
    half.resolve();
    return { delayMs: Infinity };
  };
  const process = new Deno.Command(command, {
    args: [...before, ...pull, "--chunk-size", "1MiB", "--connections", "1"],
    env: { HOME: home, ...cacheOfDeno() },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  await Promise.race([half.promise, process.status]);
  kill(process, "SIGKILL");
  await process.status;
  delete registry.faults.data;
}

/** Pulls within this process, with `disk`. */
async function pullWith(disk: Disk, { models }: World, given: string): Promise<void> {
  using source = new RegistrySource({ userAgent: "pullama", insecure: true });
  const store = openFolder(models, { tool: "pullama/test", disk });
  const never = new AbortController().signal;
  await pullModel(parseName(given), {
    source,
    store,
    settings: {
      maxRetries: 0,
      retryForMs: 0,
      chunkSize: 64 * MiB,
      timeoutMs: 60_000,
      connections: 4,
      perBlob: 4,
      window: 256 * 1024 * 1024,
      force: false,
      dryRun: false,
    },
    stop: { soft: never, hard: never },
    emit: () => {},
  });
}
