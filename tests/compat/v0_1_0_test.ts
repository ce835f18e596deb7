/**
 * A models folder as 0.1.0 left it: one model finished, one pull stopped by SIGINT, one killed, a queue with its runner
 * killed, ledger, intents, positions and locks. Every later version resumes from it byte for byte.
 *
 * It was made once by that program, with `--chunk-size 512KiB --connections 3` at 700 kB/s. The models and their bytes
 * are in models.ts.
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parseName } from "../../src/core/name.ts";
import { type Range, subtract, total } from "../../src/core/ranges.ts";
import { RegistrySource } from "../../src/registry/source.ts";
import { openQueue } from "../../src/setup/queue.ts";
import { bootTime } from "../../src/store/partial/positions.ts";
import { openFolder } from "../../src/store/store.ts";
import { pullModel, type PullSettings } from "../../src/transfer/pull.ts";
import { wholeOf } from "../fakes/content.ts";
import { copyFolder } from "../fakes/copy.ts";
import { type AddedModel, type Registry, startRegistry } from "../fakes/registry.ts";
import { temporaryFolder } from "../real/child.ts";
import { MODELS, weights } from "./models.ts";

const FIXTURE = fileURLToPath(new URL("0.1.0/models", import.meta.url));

const SETTINGS: PullSettings = {
  connections: 1,
  perBlob: 1,
  window: 256 * 1024 * 1024,
  chunkSize: 1 << 26,
  maxRetries: 0,
  retryForMs: 0,
  timeoutMs: 60_000,
  force: false,
  dryRun: false,
};

interface World extends AsyncDisposable {
  readonly models: string;
  readonly registry: Registry;
  readonly added: ReadonlyMap<string, AddedModel>;
  /** Pulls a model of registry.ollama.ai, which the fake registry serves; returns the bytes downloaded. */
  pull(name: string): Promise<number>;
}

async function world(): Promise<World> {
  const folder = await temporaryFolder();
  const models = `${folder.path}/models`;
  await copyFolder(FIXTURE, models);
  for (const { name } of [...Deno.readDirSync(`${models}/.pullm`)]) {
    if (name.endsWith(".live")) await setBoot(`${models}/.pullm/${name}`, 1);
  }
  const registry = await startRegistry();
  const added = new Map([...MODELS].map(([name, files]) => [name, registry.add(name, files)]));
  return {
    models,
    registry,
    added,
    async pull(name) {
      using source = new RegistrySource({
        userAgent: "test",
        insecure: true,
        endpointOf: ({ namespace, model }) => ({
          origin: registry.url,
          repository: `${namespace}/${model}`,
        }),
      });
      const never = new AbortController().signal;
      const summary = await pullModel(parseName(name), {
        source,
        store: openFolder(models),
        settings: SETTINGS,
        stop: { soft: never, hard: never },
        emit() {},
      });
      return summary!.fetched;
    },
    async [Symbol.asyncDispose]() {
      await registry.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Positions are valid for one boot of a machine. */
async function setBoot(path: string, boot: number): Promise<void> {
  const text = await Deno.readTextFile(path);
  const [header = ""] = text.split("\n", 1);
  const other = header.replace(/boot \d+/, `boot ${boot}`).trimEnd().padEnd(header.length);
  await Deno.writeTextFile(path, text.replace(header, other));
}

/** What the registry was asked for of a blob. */
function asked({ registry }: World, digest: string): Range[] {
  return registry.requests.filter(({ path }) => path.endsWith(digest)).map(({ headers }) => {
    const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(headers.get("range") ?? "")!;
    return { start: Number(start), end: Number(end) + 1 };
  });
}

/** The weights of a model as they are stored now. */
function stored({ models, added }: World, name: string): Promise<Uint8Array> {
  const digest = added.get(name)!.layers[0]!.digest;
  return Deno.readFile(`${models}/blobs/${digest.replace(":", "-")}`);
}

const SIZE = 3_000_000;

Deno.test("a pull that 0.1.0 was stopped in resumes at the byte of its checkpoint", async () => {
  await using at = await world();
  const { digest } = at.added.get("library/interrupted:latest")!.layers[0]!;
  const checkpoint = JSON.parse(
    await Deno.readTextFile(`${at.models}/.pullm/${digest.replace(":", "-")}.json`),
  );
  const { proven, prefix } = checkpoint;
  const have = [{ start: 0, end: prefix.at(-1).end }, ...proven];
  const rest = subtract([{ start: 0, end: SIZE }], have);
  assert.ok(total(rest) > 500_000 && total(rest) < SIZE - 500_000);
  assert.equal(await at.pull("interrupted"), total(rest));
  assert.deepEqual(asked(at, digest), rest);
  assert.deepEqual(
    await stored(at, "library/interrupted:latest"),
    wholeOf(weights(SIZE, 2)),
  );
});

Deno.test("a pull that 0.1.0 was killed in resumes at the byte of its positions, before a reboot", async () => {
  await using at = await world();
  const { digest } = at.added.get("library/killed:latest")!.layers[0]!;
  const file = `${at.models}/.pullm/${digest.replace(":", "-")}.live`;
  const text = await Deno.readTextFile(file);
  const lines = [...text.matchAll(/^(\d{16}) (\d{16})/gm)];
  const have = lines.map(([, start, end]) => ({ start: Number(start), end: Number(end) }));
  await setBoot(file, bootTime());
  const rest = subtract([{ start: 0, end: SIZE }], have);
  assert.ok(total(rest) > 500_000 && total(rest) < SIZE - 500_000);
  assert.equal(await at.pull("killed"), total(rest));
  assert.deepEqual(asked(at, digest), rest);
  assert.deepEqual(await stored(at, "library/killed:latest"), wholeOf(weights(SIZE, 3)));
});

Deno.test("a pull that 0.1.0 was killed in resumes at its checkpoint after a reboot", async () => {
  await using at = await world();
  const { digest } = at.added.get("library/killed:latest")!.layers[0]!;
  const checkpoint = JSON.parse(
    await Deno.readTextFile(`${at.models}/.pullm/${digest.replace(":", "-")}.json`),
  );
  const have = [{ start: 0, end: checkpoint.prefix.at(-1)?.end ?? 0 }, ...checkpoint.proven];
  const rest = subtract([{ start: 0, end: SIZE }], have);
  assert.ok(total(rest) < SIZE);
  assert.equal(await at.pull("killed"), total(rest));
  assert.deepEqual(await stored(at, "library/killed:latest"), wholeOf(weights(SIZE, 3)));
});

Deno.test("a model that 0.1.0 has finished is listed, and downloaded no second time", async () => {
  await using at = await world();
  const folder = openFolder(at.models);
  const { models, broken } = await folder.list();
  assert.deepEqual(broken, []);
  assert.deepEqual(models.map(({ name, digest }) => [name.model, digest]), [
    ["finished", at.added.get("library/finished:latest")!.digest],
  ]);
  assert.equal(await at.pull("finished"), 0);
});

Deno.test("the queue of 0.1.0 is read as it is, and the entry that was active is queued again", async () => {
  await using at = await world();
  const queue = openQueue(at.models);
  const wait = { signal: new AbortController().signal, onWait() {} };
  const rows = await queue.rows(wait);
  assert.deepEqual(rows.map(({ name, status, error }) => [name?.model, status, error]), [
    ["finished", "completed", undefined],
    ["unknown", "failed", "registry.ollama.ai does not know this model"],
    ["interrupted", "queued", undefined],
  ]);
});

Deno.test("clean knows which models the leftovers of 0.1.0 are for, and removes all of them", async () => {
  await using at = await world();
  const { signal } = new AbortController();
  const options = { models: [], dryRun: false, queue: true, signal };
  const { removed, left } = await openFolder(at.models).clean(options);
  assert.deepEqual(left, []);
  const of = new Set(removed.flatMap(({ models }) => models.map(({ model }) => model)));
  assert.deepEqual([...of].sort(), ["interrupted", "killed"]);
  const names = [...Deno.readDirSync(`${at.models}/.pullm`)].map(({ name }) => name);
  assert.deepEqual(names.filter((name) => name.startsWith("sha256-")), []);
  assert.equal((await openFolder(at.models).list()).models.length, 1);
});
