/** Kills a pull repeatedly, and measures the cost. */

import assert from "node:assert/strict";
import { makeModel } from "../fakes/model.ts";
import { type Registry, startRegistry } from "../fakes/registry.ts";
import { kill, wasKilled } from "../real/child.ts";
import { assertInstalled } from "../real/store.ts";
import { randomNumbers } from "../random.ts";
import { type Machine, machine, type Run } from "./machine.ts";

export const MIB = 1 << 20;

/**
 * The server starts with a burst of 20 ms worth of data, which is sent regardless of the client.
 */
const BURST_MS = 15;

export interface Killing {
  readonly size: number;
  readonly kills: number;
  readonly connections: number;
  /** Rate of the registry. */
  readonly bytesPerSecond: number;
  readonly seed: number;
  /** Called between a kill and the next run. */
  readonly between?: (place: Machine) => void;
}

export interface Cost {
  /** Fewer than requested if the pull finished earlier. */
  readonly kills: number;
  /** Bytes sent more than once, without those in `sentToTheDead`. */
  readonly lost: number;
  /** Bytes sent between a kill and the end of the process. */
  readonly sentToTheDead: number;
}

/** Asserts that the model is correct in the end. */
export async function killAgainAndAgain(killing: Killing): Promise<Cost> {
  const { size, kills, connections, bytesPerSecond, seed, between } = killing;
  await using registry = await startRegistry({ bytesPerSecond });
  await using place = await machine();
  const model = registry.add("library/tiny:latest", makeModel({ size, seed }));
  const weights = model.layers[0]!;
  const random = randomNumbers(seed);
  const args = [model.name, "--connections", String(connections), "--output", "compact"];
  let sentToTheDead = 0;
  let done = 0;
  for (let left = kills; left > 0; left--) {
    await using run = place.start(args);
    const rest = Math.max(0, weights.size - registry.served(weights.digest));
    const longestMs = Math.max(0, 1000 * rest / (left + 1) / bytesPerSecond - BURST_MS) * 1.5;
    const late = await killedAt(run, registry, weights.digest, longestMs, random);
    if (late === undefined) break;
    sentToTheDead += late;
    done++;
    between?.(place);
  }
  await using run = place.start(args);
  const { code } = await run.ended;
  assert.equal(code, 0, run.err());
  await quiet(registry);
  assertInstalled(place.models, model.name, {
    manifest: model.manifest,
    blobs: [...model.layers, model.config!],
  });
  const twice = registry.served(weights.digest) - weights.size;
  return { kills: done, lost: twice - sentToTheDead, sentToTheDead };
}

/**
 * Kills at a random moment after the first byte, sometimes at any moment of the first half second.
 * Returns the number of bytes sent after the kill; undefined if the pull finished first.
 */
async function killedAt(
  run: Run,
  registry: Registry,
  digest: `sha256:${string}`,
  longestMs: number,
  random: () => number,
): Promise<number | undefined> {
  const before = registry.served(digest);
  let over = false;
  run.ended.then(() => over = true);
  const early = random() < 0.2;
  while (!early && !over && registry.served(digest) === before) await pause(1);
  await pause(early ? random() * 500 : BURST_MS + random() * longestMs);
  const atKill = registry.served(digest);
  kill(run.process, "SIGKILL");
  const status = await run.ended;
  if (status.code === 0) return undefined;
  assert.ok(wasKilled(status), run.err());
  await quiet(registry);
  return registry.served(digest) - atKill;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Resolves when no response is in progress. */
export async function quiet(registry: Registry): Promise<void> {
  await Promise.all(registry.requests.map((request) => request.over));
}
