/** A registry with one model, an empty models folder, and processes that pull the model. */

import assert from "node:assert/strict";
import { makeModel } from "../fakes/model.ts";
import { type Registry, type RegistryOptions, startRegistry } from "../fakes/registry.ts";
import { MIB } from "./kills.ts";
import { machine } from "./machine.ts";

/**
 * Milliseconds for a process to end after a signal; twice the documented time, for a busy machine.
 */
export const SOON_MS = 4000;
/** Milliseconds for a pull to do what a test waits for. */
const LIMIT_MS = 20_000;

export async function scene(options: RegistryOptions, size = 24 * MIB) {
  const registry = await startRegistry(options);
  const place = await machine();
  const model = registry.add("library/tiny:latest", makeModel({ size }));
  return {
    registry,
    place,
    model,
    weights: model.layers[0]!,
    args: [model.name, "--output", "compact"],
    installed: { manifest: model.manifest, blobs: [...model.layers, model.config!] },
    async [Symbol.asyncDispose]() {
      await registry.close();
      await place[Symbol.asyncDispose]();
    },
  };
}

export async function servedAtLeast(
  registry: Registry,
  digest: `sha256:${string}`,
  bytes: number,
): Promise<void> {
  await until(() => registry.served(digest) >= bytes, "the pull makes no progress");
}

/** Resolves once `done` returns true; rejects with `otherwise` if it never does. */
export async function until(done: () => boolean, otherwise: string): Promise<void> {
  const end = performance.now() + LIMIT_MS;
  while (!done()) {
    assert.ok(performance.now() < end, otherwise);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
