/** An installed model to damage, and what processes do about it. */

import assert from "node:assert/strict";
import { makeModel } from "../fakes/model.ts";
import { type AddedModel, type Registry, startRegistry } from "../fakes/registry.ts";
import { assertInstalled } from "../real/store.ts";
import { MIB } from "./kills.ts";
import { type Machine, machine } from "./machine.ts";

export const PART = 64 * MIB;
const SIZE = 2 * PART + 20 * MIB;

export interface Scene extends AsyncDisposable {
  readonly registry: Registry;
  readonly place: Machine;
  readonly model: AddedModel;
  readonly weights: AddedModel["layers"][number];
  /** The path of the weights. */
  readonly blob: string;
  readonly assertInstalled: () => void;
}

/** Runs a command to its end. */
export async function run(
  place: Machine,
  ...args: string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  await using run = place.start(args);
  const { code } = await run.ended;
  return { code, out: run.out(), err: run.err() };
}

/** An installed model of three parts, and the registry that it came from. */
export async function scene(): Promise<Scene> {
  const registry = await startRegistry({ bytesPerSecond: 80 * MIB });
  const place = await machine();
  const model = registry.add("library/tiny:latest", makeModel({ size: SIZE, seed: 1 }));
  const { code, err } = await run(place, model.name, "--quiet");
  assert.equal(code, 0, err);
  const weights = model.layers[0]!;
  const blobs = [...model.layers, model.config!];
  return {
    registry,
    place,
    model,
    weights,
    blob: `${place.models}/blobs/${weights.digest.replace(":", "-")}`,
    assertInstalled: () =>
      assertInstalled(place.models, model.name, { manifest: model.manifest, blobs }),
    async [Symbol.asyncDispose]() {
      await place[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
    },
  };
}
