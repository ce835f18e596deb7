/** Kills on every way from one machine to another. */

import assert from "node:assert/strict";
import { contentOf } from "../cli/archive/place.ts";
import { killedAt } from "../crash/killed_at.ts";
import { makeModel } from "../fakes/model.ts";
import { startUploadRegistry } from "../fakes/upload_registry.ts";
import { testWith } from "../needs.ts";
import { randomNumbers } from "../random.ts";
import { runToEnd, spawnAlone, temporaryFolder } from "../real/child.ts";
import { cacheOfDeno, pullamaCommand } from "../real/program.ts";
import { type Program, startServing } from "../real/serving.ts";
import { SEED } from "../seed.ts";
import { install } from "../store/installed_models.ts";

const MIB = 1 << 20;
const SIZE = 24 * MIB;
const CONNECTIONS = 2;
const ROUNDS = 5;
/** In each round of each way. */
const KILLS = 4;
const RATE = ["--limit-rate", "8M"];

interface Scene {
  readonly models: string;
  readonly env: Readonly<Record<string, string>>;
  /** A path that nothing is at. */
  readonly fresh: () => string;
  /** Percentages of the progress at which a process is killed, in order. */
  readonly moments: () => readonly number[];
}

type Way = (scene: Scene) => Promise<void>;

function command(...args: readonly string[]): readonly string[] {
  return [...pullamaCommand(), ...args, "--output", "json"];
}

/** The value of a number in the last event that has it. */
function last(name: string, text: string): number {
  return Number([...text.matchAll(new RegExp(`"${name}":(\\d+)`, "g"))].at(-1)?.[1]);
}

/** Kills `args` at each moment and lets it end: what was there at a kill has to be there afterwards, less `cost`. */
async function resumed({ env, moments }: Scene, args: readonly string[], cost: number) {
  let least = 0;
  for (const percent of moments()) {
    const text = await killedAt(percent, command(...args, ...RATE), env);
    const kept = last("KeptBytes", text);
    // It may be killed before it says so.
    if (!Number.isNaN(kept)) assert.ok(kept >= least, `${kept} of ${least} bytes were kept`);
    least = percent / 100 * SIZE - cost;
  }
  const ended = await runToEnd(command(...args), { env });
  assert.equal(ended.code, 0, ended.err);
  const kept = last("KeptBytes", ended.out);
  assert.ok(kept >= least, `${kept} of ${least} bytes were kept`);
}

const exportImport: Way = async (scene) => {
  const [file, to] = [scene.fresh(), scene.fresh()];
  await resumed(scene, ["export", "tiny", "-o", file, "--models-dir", scene.models], MIB);
  await resumed(scene, ["import", file, "--models-dir", to], MIB);
  assert.deepEqual(contentOf(to), contentOf(scene.models));
};

/** The client is killed. */
const pulled: Way = async (scene) => {
  const to = scene.fresh();
  await using server = await startServing(scene.models, scene.fresh());
  const args = ["tiny", "--mirror", `http://${server.host}`, "--offline", "--models-dir", to];
  const connections = ["--connections", String(CONNECTIONS)];
  await resumed(scene, [...args, ...connections], CONNECTIONS * MIB);
  assert.deepEqual(contentOf(to), contentOf(scene.models));
};

/** The server is killed, and started again while the client retries. */
const served: Way = async ({ models, env, fresh, moments }) => {
  const to = fresh();
  let server: Program = await startServing(models, fresh());
  const args = ["tiny", "--mirror", `http://${server.host}`, "--offline", "--models-dir", to];
  const connections = ["--connections", String(CONNECTIONS)];
  const client = spawnAlone(command(...args, ...connections, ...RATE), { env });
  const failed = new Response(client.stderr).text();
  const left = [...moments()];
  let text = "";
  try {
    for await (const piece of client.stdout.pipeThrough(new TextDecoderStream())) {
      text += piece;
      if (left.length === 0 || !(last("pct", text) >= left[0]!)) continue;
      left.shift();
      const { host } = server;
      await server.end("SIGKILL");
      server = await startServing(models, fresh(), ["--listen", host]);
    }
    assert.equal((await client.status).code, 0, await failed);
    assert.deepEqual(left, []);
  } finally {
    await server.end("SIGTERM");
  }
  const twice = last("FetchedBytes", text) - SIZE;
  assert.ok(twice < KILLS * CONNECTIONS * MIB, `${twice} bytes came twice`);
  assert.deepEqual(contentOf(to), contentOf(models));
};

const pushed: Way = async ({ models, env, moments }) => {
  await using registry = await startUploadRegistry();
  const args = ["push", "tiny", "--to", registry.host, "--insecure", "--models-dir", models];
  const chunks = ["--chunk-size", String(MIB)];
  for (const percent of moments()) {
    await killedAt(percent, command(...args, ...chunks, ...RATE), env);
    assert.equal(registry.manifests.size, 0);
  }
  const ended = await runToEnd(command(...args, ...chunks), { env });
  assert.equal(ended.code, 0, ended.err);
  const blobs = [...registry.blobs.get("library/tiny")!.values()];
  const twice = registry.received - blobs.reduce((sum, { length }) => sum + length, 0);
  assert.ok(twice <= KILLS * MIB, `${twice} bytes were sent twice`);
};

/** With the processes that are killed in one round. */
const WAYS: Readonly<Record<string, readonly [Way, number]>> = {
  "an export and an import": [exportImport, 2 * KILLS],
  "pulls from a server": [pulled, KILLS],
  "servers of a pull": [served, KILLS],
  "pushes": [pushed, KILLS],
};

for (const [what, [way, kills]] of Object.entries(WAYS)) {
  testWith(
    ["a long time"],
    `${ROUNDS * kills} kills of ${what}, with the same models`,
    async () => {
      await using folder = await temporaryFolder();
      const random = randomNumbers(SEED);
      const models = `${folder.path}/models`;
      install(models, "tiny/latest", makeModel({ size: SIZE, seed: 1 }));
      let count = 0;
      const scene: Scene = {
        models,
        env: { HOME: folder.path, ...cacheOfDeno() },
        fresh: () => `${folder.path}/${++count}`,
        moments: () =>
          Array.from({ length: KILLS }, () => 3 + Math.floor(random() * 60)).sort((a, b) => a - b),
      };
      for (let round = 0; round < ROUNDS; round++) await way(scene);
    },
  );
}
