/** The suites of the contract, and the engine without network and disk. */

import assert from "node:assert/strict";
import { PullamaError } from "../../src/core/errors.ts";
import type { PullEvent } from "../../src/core/events.ts";
import type { Manifest } from "../../src/core/manifest.ts";
import { fullName, parseName } from "../../src/core/name.ts";
import { type Range, total } from "../../src/core/ranges.ts";
import { RegistrySource } from "../../src/registry/source.ts";
import { withMirrors } from "../../src/setup/mirrors/compose.ts";
import { FolderSource } from "../../src/store/read/folder_source.ts";
import { pathsOf } from "../../src/store/layout/paths.ts";
import { openFolder } from "../../src/store/store.ts";
import { pullModel, type PullSettings } from "../../src/transfer/pull.ts";
import { Health } from "../../src/transfer/sources/health.ts";
import { noise, wholeOf } from "../fakes/content.ts";
import { type RegistryOptions, startRegistry } from "../fakes/registry.ts";
import { temporaryFolder } from "../real/child.ts";
import { MemorySource } from "./memory_source.ts";
import { MemoryStore } from "./memory_store.ts";
import { LAYER, NAME, sourceSuite, type SourceWorld } from "./source_suite.ts";
import { storeSuite } from "./store_suite.ts";

const MIB = 1 << 20;
const SETTINGS: PullSettings = {
  connections: 3,
  perBlob: 3,
  window: 256 * 1024 * 1024,
  chunkSize: MIB,
  maxRetries: 3,
  retryForMs: 0,
  timeoutMs: 60_000,
  force: false,
  dryRun: false,
};

sourceSuite("MemorySource", () => {
  const source = new MemorySource();
  const manifest = source.add(NAME, [LAYER]);
  const world = { source, name: NAME, manifest, blob: manifest.layers[0]! };
  return Promise.resolve({ ...world, [Symbol.asyncDispose]: () => Promise.resolve() });
});

for (const [what, has] of [["that has it", true], ["that lacks it", false]] as const) {
  sourceSuite(`a registry with a mirror ${what}`, () => {
    const [registry, other] = [new MemorySource(), new MemorySource()];
    const manifest = registry.add(NAME, [LAYER]);
    if (has) other.add(NAME, [LAYER]);
    const mirror = { url: "http://mirror", source: other, health: new Health(() => 0) };
    const source = withMirrors(registry, [mirror], () => {});
    const world = { source, name: NAME, manifest, blob: manifest.layers[0]! };
    return Promise.resolve({ ...world, [Symbol.asyncDispose]: () => Promise.resolve() });
  });
}

const servers: readonly (readonly [what: string, options: RegistryOptions])[] = [
  ["RegistrySource", {}],
  ["RegistrySource with redirects", { blobHosts: 2 }],
  ["RegistrySource with chunks", { chunkLength: 100_000 }],
];
for (const [what, options] of servers) {
  sourceSuite(what, async (): Promise<SourceWorld> => {
    const registry = await startRegistry(options);
    const mediaType = "application/vnd.ollama.image.model";
    const model = registry.add("library/suite:latest", {
      layers: [{ mediaType, content: LAYER }],
    });
    const source = new RegistrySource({ userAgent: "test", insecure: true, chunkSize: MIB });
    const manifest: Manifest = {
      bytes: model.manifest,
      digest: model.digest,
      layers: model.layers,
    };
    return {
      source,
      name: parseName(model.name),
      manifest,
      blob: model.layers[0]!,
      async [Symbol.asyncDispose]() {
        source[Symbol.dispose]();
        await registry.close();
      },
    };
  });
}

sourceSuite("FolderSource", async () => {
  const folder = await temporaryFolder();
  const memory = new MemorySource();
  const manifest = memory.add(NAME, [LAYER]);
  await pullModel(NAME, {
    source: memory,
    store: openFolder(folder.path),
    settings: SETTINGS,
    stop: { soft: new AbortController().signal, hard: new AbortController().signal },
    emit() {},
  });
  const source = new FolderSource(pathsOf(folder.path), Deno.build);
  return {
    source,
    name: NAME,
    manifest,
    blob: manifest.layers[0]!,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
});

storeSuite("MemoryStore", () => {
  const store = new MemoryStore();
  const world = { open: () => store, [Symbol.asyncDispose]: () => Promise.resolve() };
  return Promise.resolve(world);
});

storeSuite("ModelsFolder", async () => {
  const folder = await temporaryFolder();
  return {
    open: () => openFolder(`${folder.path}/models`),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
});

const WEIGHTS = wholeOf(noise(6 * MIB));
const MODEL = parseName("weights");

function pull(source: MemorySource, store: MemoryStore, onEvent?: (event: PullEvent) => void) {
  const soft = new AbortController();
  const result = pullModel(MODEL, {
    source,
    store,
    settings: SETTINGS,
    stop: { soft: soft.signal, hard: new AbortController().signal },
    emit: (event) => onEvent?.(event),
  });
  return { result, stop: () => soft.abort(new PullamaError("interrupted", "stopped")) };
}

function opened(source: MemorySource): number {
  return total(source.opened.map(({ range }): Range => range));
}

Deno.test("the engine pulls without network and disk", async () => {
  const source = new MemorySource();
  const manifest = source.add(MODEL, [WEIGHTS, new Uint8Array(10)]);
  const store = new MemoryStore();
  const summary = await pull(source, store).result;
  assert.equal(summary!.fetched, WEIGHTS.length + 10);
  assert.equal(store.models.get(fullName(MODEL)), manifest);
  assert.deepEqual(store.blobs.get(manifest.layers[0]!.digest), WEIGHTS);
});

Deno.test("the engine resumes without network and disk, and asks for the rest only", async () => {
  const source = new MemorySource();
  source.add(MODEL, [WEIGHTS]);
  const store = new MemoryStore();
  let bytes = 0;
  const first = pull(source, store, (event) => {
    if (event.event === "bytes" && (bytes += event.count) > 2 * MIB) first.stop();
  });
  await assert.rejects(first.result, { kind: "interrupted" });
  const kept = [...store.unfinished.values()].reduce((sum, { have }) => sum + total(have), 0);
  assert.ok(kept >= 2 * MIB && kept < WEIGHTS.length, `${kept} bytes kept`);
  source.opened.length = 0;
  const summary = await pull(source, store).result;
  assert.equal(summary!.fetched, WEIGHTS.length - kept);
  assert.equal(opened(source), WEIGHTS.length - kept);
});

Deno.test("the engine finds a byte that a source has damaged, without network and disk", async () => {
  const source = new MemorySource();
  const manifest = source.add(MODEL, [WEIGHTS]);
  let damaged = false;
  source.serve = (_digest, { start, end }, bytes) => {
    if (damaged || !(start <= 3 * MIB && 3 * MIB < end)) return bytes;
    damaged = true;
    bytes[3 * MIB - start]! ^= 1;
    return bytes;
  };
  const store = new MemoryStore();
  await pull(source, store).result;
  assert.ok(damaged);
  assert.deepEqual(store.blobs.get(manifest.layers[0]!.digest), WEIGHTS);
});
