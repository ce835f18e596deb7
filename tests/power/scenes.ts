/** What is cut: the commands of the program, each with what has to be there after it was repeated. */

import assert from "node:assert/strict";
import { kill, spawnAlone, wasKilled } from "../real/child.ts";
import type { AddedModel, Registry } from "../fakes/registry.ts";
import { flip } from "../fakes/flip.ts";
import { cacheOfDeno, pullamaCommand } from "../real/program.ts";
import { assertInstalled, filesUnder } from "../real/store.ts";
import { exists } from "../fakes/exists.ts";
import { assertSound, type Place, succeeds } from "./place.ts";
import type { Begun, Scene } from "./power.ts";

const KIB = 1024;
const SIZE = 1600 * KIB;
const SMALL = 100 * KIB;
/** So slow that there are several checkpoints. */
export const SLOW: Registry["faults"] = { data: () => ({ bytesPerSecond: 250 * KIB }) };

export const SCENES: readonly Scene[] = [
  { what: "a pull", begin: (place) => Promise.resolve(pulling(place.model("tiny:latest", SIZE))) },
  {
    what: "a pull from a registry that resets and lies",
    begin: (place) => {
      const data: Registry["faults"]["data"] = (_, n) => ({
        bytesPerSecond: 400 * KIB,
        ...(n === 2 && { end: { after: 200 * KIB, how: "reset" } }),
        ...(n === 1 && { flipAt: 100 * KIB }),
      });
      const model = place.model("tiny:latest", SIZE);
      // Without digests of its parts the whole is in doubt.
      const most = () => sizeOf(model);
      return Promise.resolve({ ...pulling(model), faults: { data }, most });
    },
  },
  {
    what: "a pull that continues after a kill",
    async begin(place) {
      const begun = pulling(place.model("tiny:latest", SIZE));
      await killedPull(place, begun.args);
      return begun;
    },
  },
  {
    what: "a pull of a moved tag",
    async begin(place) {
      const old = place.model("tiny:latest", SIZE, 2);
      await succeeds(place.models, "pull", old.name, "--insecure");
      return pulling(place.model("tiny:latest", SIZE));
    },
  },
  {
    what: "a pull that takes over what ollama pull left",
    begin(place) {
      const model = place.model("tiny:latest", SIZE);
      const weights = model.layers[0]!;
      const there = 1200 * KIB;
      const data = `${place.models}/blobs/${fileOf(weights)}-partial`;
      write(data, place.weights(model).subarray(0, there));
      Deno.truncateSync(data, weights.size);
      const record = { N: 0, Offset: 0, Size: weights.size, Completed: there };
      write(`${data}-0`, new TextEncoder().encode(JSON.stringify(record)));
      const begun = pulling(model);
      const most = (proven: number) =>
        Math.min(begun.most!(proven), sizeOf(model) - there + 2 * BLOCK);
      return Promise.resolve({ ...begun, most, old: (path) => path.includes("-partial") });
    },
  },
  {
    what: "a repair",
    async begin(place) {
      const model = place.model("tiny:latest", SIZE);
      const weights = model.layers[0]!;
      await succeeds(place.models, "pull", model.name, "--insecure");
      flip(`${place.models}/blobs/${fileOf(weights)}`, 700 * KIB);
      const begun = pulling(model);
      const args = ["verify", "--full", "--repair", "--insecure"];
      const again = async (models: string) => {
        await succeeds(models, ...args);
        return await begun.again(models);
      };
      return { ...begun, args, again, damaged: fileOf(weights), most: () => sizeOf(model) };
    },
  },
  {
    what: "rm of one of two models",
    async begin(place) {
      const [gone, kept] = [place.model("a:latest", SMALL, 1), place.model("b:latest", SMALL, 2)];
      for (const { name } of [gone, kept]) {
        await succeeds(place.models, "pull", name, "--insecure");
      }
      return {
        args: ["rm", gone.name],
        look: (models) => assertHas(models, kept),
        async again(models) {
          const there = (await succeeds(models, "list", "--output", "json")).out.includes(
            "a:latest",
          );
          if (there) await succeeds(models, "rm", gone.name);
          assertHas(models, kept);
          assert.equal(filesUnder(`${models}/manifests`).length, 1);
          return 0;
        },
      };
    },
  },
  {
    what: "clean beside a model",
    async begin(place) {
      const [kept, unfinished] = [
        place.model("a:latest", SMALL, 1),
        place.model("b:latest", SIZE, 2),
      ];
      await succeeds(place.models, "pull", kept.name, "--insecure");
      await succeeds(place.models, "queue", "add", "c");
      await killedPull(place, pulling(unfinished).args);
      return {
        args: ["clean"],
        look: (models) => assertHas(models, kept),
        async again(models) {
          await succeeds(models, "clean");
          assertClean(models);
          assertHas(models, kept);
          assert.deepEqual(await queued(models), ["c"]);
          return 0;
        },
      };
    },
  },
  {
    what: "prune beside a model",
    async begin(place) {
      const kept = place.model("a:latest", SMALL, 1);
      await succeeds(place.models, "pull", kept.name, "--insecure");
      for (const seed of [2, 3]) {
        const unused = place.model(`unused${seed}:latest`, SMALL, seed);
        write(`${place.models}/blobs/${fileOf(unused.layers[0]!)}`, place.weights(unused));
      }
      return {
        args: ["prune", "--all"],
        look: (models) => assertHas(models, kept),
        async again(models) {
          await succeeds(models, "prune", "--all");
          assertHas(models, kept);
          assert.equal(filesUnder(`${models}/blobs`).length, kept.layers.length + 1);
          return 0;
        },
      };
    },
  },
  { what: "a move to another folder of the disk", begin: (place) => moving(place, 0o755) },
  { what: "a move that has to copy", begin: (place) => moving(place, 0o770) },
  {
    what: "an import of an archive",
    async begin(place) {
      const model = place.model("tiny:latest", SIZE);
      await succeeds(place.models, "pull", model.name, "--insecure");
      await succeeds(place.models, "export", "--all", "-o", archiveOf(place.models));
      await succeeds(place.models, "rm", model.name);
      await succeeds(place.models, "clean");
      const args = (models: string) => ["import", archiveOf(models)];
      return {
        // So slow that there are several checkpoints.
        args: [...args(place.models), "--limit-rate", "250K"],
        weights: model.layers[0]!,
        async again(models) {
          const { out } = await succeeds(models, ...args(models), "--output", "json");
          assertHas(models, model);
          await succeeds(models, "clean");
          assertClean(models);
          return fetchedIn(out);
        },
        most: (proven) => sizeOf(model) - proven,
      };
    },
  },
  {
    what: "an export to an archive",
    async begin(place) {
      const model = place.model("tiny:latest", SIZE);
      await succeeds(place.models, "pull", model.name, "--insecure");
      const args = (models: string) => ["export", "--all", "-o", archiveOf(models)];
      const assertWhole = async (models: string) => {
        const other = otherThan(models);
        await succeeds(other, "import", archiveOf(models));
        assertHas(other, model);
        Deno.removeSync(other, { recursive: true });
      };
      return {
        args: args(place.models),
        async look(models) {
          assertHas(models, model);
          if (exists(archiveOf(models))) await assertWhole(models);
        },
        async again(models) {
          if (!exists(archiveOf(models))) await succeeds(models, ...args(models));
          await assertWhole(models);
          return 0;
        },
      };
    },
  },
  {
    what: "additions to a queue",
    async begin(place) {
      for (const name of ["a", "b"]) await succeeds(place.models, "queue", "add", name);
      return {
        args: ["queue", "add", "c", "d"],
        async look(models) {
          const names = await queued(models);
          assert.deepEqual(names, ["a", "b", "c", "d"].slice(0, Math.max(2, names.length)));
        },
        async again(models) {
          const names = await queued(models);
          const missing = ["c", "d"].filter((name) => !names.includes(name));
          if (missing.length > 0) await succeeds(models, "queue", "add", ...missing);
          assert.deepEqual(await queued(models), ["a", "b", "c", "d"]);
          return 0;
        },
      };
    },
  },
  {
    what: "a removal from a queue",
    async begin(place) {
      for (const name of ["a", "b", "c"]) await succeeds(place.models, "queue", "add", name);
      return {
        args: ["queue", "rm", "2"],
        async look(models) {
          const names = await queued(models);
          assert.deepEqual(names.filter((name) => name !== "b"), ["a", "c"]);
        },
        async again(models) {
          if ((await queued(models)).includes("b")) await succeeds(models, "queue", "rm", "2");
          assert.deepEqual(await queued(models), ["a", "c"]);
          return 0;
        },
      };
    },
  },
  {
    what: "a queue that is pulled",
    async begin(place) {
      const models = [place.model("a:latest", SMALL, 1), place.model("b:latest", SMALL, 2)];
      for (const { name } of models) await succeeds(place.models, "queue", "add", name);
      const names = models.map(({ name }) => name.replace(/:latest$/, ""));
      return {
        args: ["queue", "start", "--insecure"],
        look: async (folder) => assert.deepEqual(await queued(folder), names),
        async again(folder) {
          const { out } = await succeeds(
            folder,
            "queue",
            "start",
            "--insecure",
            "--output",
            "json",
          );
          for (const model of models) assertHas(folder, model);
          assert.deepEqual(await queued(folder), names);
          return fetchedIn(out);
        },
        most: () => models.reduce((sum, model) => sum + sizeOf(model), 0),
      };
    },
  },
];

const BLOCK = 4096;

/** A pull of `model`. */
function pulling(model: AddedModel): Begun {
  const weights = model.layers[0]!;
  const total = sizeOf(model);
  const args = ["pull", model.name, "--insecure"];
  return {
    args: [...args, "--connections", "3"],
    faults: SLOW,
    weights,
    again: (models) => pulledAgain(models, model, args),
    most: (proven) => total - proven,
  };
}

/** `mode`: of blobs/ in the other folder. With another one than here, its files cannot be links. */
async function moving(place: Place, mode: number): Promise<Begun> {
  const [moved, kept] = [place.model("a:latest", SIZE, 1), place.model("b:latest", SMALL, 2)];
  for (const { name } of [moved, kept]) await succeeds(place.models, "pull", name, "--insecure");
  const blobs = `${otherThan(place.models)}/blobs`;
  Deno.mkdirSync(blobs, { recursive: true });
  Deno.chmodSync(blobs, mode);
  const isIn = async (models: string) =>
    (await succeeds(models, "list", "--output", "json")).out.includes("a:latest");
  return {
    args: ["mv", moved.name, otherThan(place.models)],
    async look(models) {
      const other = otherThan(models);
      assertHas(models, kept);
      assertSound(other, place);
      if (!await isIn(models)) assertHas(other, moved);
    },
    async again(models) {
      const other = otherThan(models);
      if (await isIn(models)) await succeeds(models, "mv", moved.name, other);
      assertHas(models, kept);
      assertHas(other, moved);
      assert.equal(filesUnder(`${models}/manifests`).length, 1);
      await succeeds(other, "clean");
      assertClean(other);
      return 0;
    },
  };
}

/** The archive of a models folder, beside it. */
function archiveOf(models: string): string {
  return `${models}.tar`;
}

/** The folder that models are moved to, or imported into. */
function otherThan(models: string): string {
  return `${models}-other`;
}

/** Kills a pull when half of its weights are there. */
async function killedPull({ registry, models, folder }: Place, args: readonly string[]) {
  Object.assign(registry.faults, SLOW);
  const command = [...pullamaCommand(), ...args, "--models-dir", models, "--output", "json"];
  const process = spawnAlone(command, { env: { HOME: `${folder}/home`, ...cacheOfDeno() } });
  let text = "";
  for await (const piece of process.stdout.pipeThrough(new TextDecoderStream())) {
    text += piece;
    if (/"pct":[5-9]\d/.test(text)) kill(process, "SIGKILL");
  }
  await process.stderr.cancel();
  assert.ok(wasKilled(await process.status), text);
  delete registry.faults.data;
}

/** Pulls to the end; nothing is left but the model. */
export async function pulledAgain(
  models: string,
  model: AddedModel,
  args: readonly string[],
): Promise<number> {
  // With one connection none takes over what another has begun.
  const { out } = await succeeds(models, ...args, "--connections", "1", "--output", "json");
  assertHas(models, model);
  await succeeds(models, "clean");
  assertClean(models);
  return fetchedIn(out);
}

export function assertHas(models: string, { name, manifest, layers, config }: AddedModel): void {
  assertInstalled(models, name, { manifest, blobs: [...layers, config!] });
}

/** The bytes that were downloaded, by the program's own account. */
function fetchedIn(out: string): number {
  const events = out.trimEnd().split("\n").map((line) => JSON.parse(line));
  return events.reduce(
    (sum, { event, FetchedBytes }) => event === "pull_completed" ? sum + FetchedBytes : sum,
    0,
  );
}

/** The names in the queue. */
async function queued(models: string): Promise<string[]> {
  const { out } = await succeeds(models, "queue", "list", "--output", "json");
  return JSON.parse(out).entries.map(({ name }: { name: string }) => name.replace(/:latest$/, ""));
}

/** Only what is kept for good is left of the program's own files. */
function assertClean(models: string): void {
  const left = filesUnder(`${models}/.pullm`).filter((path) =>
    !/^(?:ledger\.json|queue\.json|parts\/.*|(?:store|ledger|queue|runner)\.lock)$/.test(path)
  );
  assert.deepEqual(left, [], "files are left");
}

export function sizeOf({ layers, config }: AddedModel): number {
  return [...layers, config!].reduce((sum, { size }) => sum + size, 0);
}

function fileOf({ digest }: { readonly digest: string }): string {
  return digest.replace(":", "-");
}

function write(path: string, bytes: Uint8Array): void {
  const folder = path.slice(0, path.lastIndexOf("/"));
  if (!exists(folder)) Deno.mkdirSync(folder, { recursive: true });
  Deno.writeFileSync(path, bytes);
}
