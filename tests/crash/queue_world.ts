/** A registry, a models folder, and real processes that queue and pull models. */

import assert from "node:assert/strict";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { makeModel } from "../fakes/model.ts";
import {
  type AddedModel,
  type Registry,
  type RegistryOptions,
  startRegistry,
} from "../fakes/registry.ts";
import { type Ended, kill } from "../real/child.ts";
import { cacheOfDeno, pullama } from "../real/program.ts";
import { assertInstalled } from "../real/store.ts";
import { type Machine, machine, type Run } from "./machine.ts";

export interface QueueWorld extends AsyncDisposable {
  readonly registry: Registry;
  readonly place: Machine;
  /** Stores a model as `namespace/model`, with weights of `size` bytes. */
  model(repository: string, size?: number): AddedModel;
  /** Runs a queue command to its end. */
  queue(...args: readonly string[]): Promise<Ended>;
  /** Starts `queue start`. */
  start(...args: readonly string[]): Run;
  /** The entries in `queue.json`: short name, status, and the error if it failed. */
  entries(): readonly (readonly [name: string, status: string, error?: string])[];
  assertInstalled(...models: readonly AddedModel[]): void;
  /** Holds back the bytes of blobs until the result is called. */
  hold(): () => void;
}

const SMALL = 2_000;

export async function queueWorld(options: RegistryOptions = {}): Promise<QueueWorld> {
  const registry = await startRegistry(options);
  const place = await machine();
  const file = `${place.models}/.pullm/queue.json`;
  let seed = 0;
  return {
    registry,
    place,
    model: (repository, size = SMALL) =>
      registry.add(`${repository}:latest`, makeModel({ size, seed: ++seed })),
    queue: (...args) =>
      pullama(["queue", ...args, "--models-dir", place.models], { home: dirname(place.models) }),
    start: (...args) => place.start(["queue", "start", ...args]),
    entries() {
      const { entries } = JSON.parse(Deno.readTextFileSync(file));
      return entries.map(({ name, model, status, error }: Record<string, string>) => [
        name?.slice(name.indexOf("/") + 1) ?? model,
        status,
        ...(error === undefined ? [] : [error]),
      ]);
    },
    assertInstalled(...models) {
      for (const { name, manifest, layers, config } of models) {
        assertInstalled(place.models, name, { manifest, blobs: [...layers, config!] });
      }
    },
    hold() {
      const released = Promise.withResolvers<undefined>();
      registry.faults.data = () => released.promise;
      return () => released.resolve(undefined);
    },
    async [Symbol.asyncDispose]() {
      await registry.close();
      await place[Symbol.asyncDispose]();
    },
  };
}

/** A process that adds models to the queue on request. */
export interface Adder extends AsyncDisposable {
  /** Resolves when the process has confirmed it. */
  add(model: string): Promise<void>;
}

export function startAdder(models: string): Adder {
  const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "-A", "--no-check", "--config", path("../../deno.json")],
      ...[path("../queue/adder.ts"), models],
    ],
    env: cacheOfDeno(),
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const lines = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const stdin = process.stdin.getWriter();
  let text = "";
  return {
    async add(model) {
      await stdin.write(new TextEncoder().encode(`${model}\n`));
      while (!text.includes(`added ${model}\n`)) {
        const { value, done } = await lines.read();
        assert.ok(!done, `the process that adds has ended: ${text}`);
        text += value;
      }
    },
    async [Symbol.asyncDispose]() {
      await stdin.close().catch(() => {});
      await lines.cancel();
      kill(process, "SIGKILL");
      await process.status;
    },
  };
}
