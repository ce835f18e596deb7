/** A registry, a models folder in which some of its models are installed, and the program with its real parts. */

import assert from "node:assert/strict";
import { run } from "../../../src/cli/program.ts";
import { wire } from "../../../src/cli/wire.ts";
import { makeModel } from "../../fakes/model.ts";
import { type AddedModel, type Registry, startRegistry } from "../../fakes/registry.ts";
import { temporaryFolder } from "../../real/child.ts";
import { type FakeHost, fakeHost } from "../fake_host.ts";

/** Bytes of the weights of each model. */
export const SIZE: number = 1 << 20;

export interface Place extends AsyncDisposable {
  readonly registry: Registry;
  readonly models: string;
  readonly ran: (
    args: readonly string[],
    host?: FakeHost,
    models?: string,
  ) => Promise<{ readonly code: number; readonly out: string; readonly err: string }>;
  /** Adds a model to `registry`, and pulls it. */
  readonly install: (name: string, seed: number, registry?: Registry) => Promise<AddedModel>;
  /** Lets the tag be another version from now on. */
  readonly move: (name: string, seed: number) => AddedModel;
}

export async function place(): Promise<Place> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const own = stack.use(await startRegistry());
  const owned = stack.move();
  const models = `${folder.path}/models`;
  const ran: Place["ran"] = async (args, host = fakeHost(), folder = models) => {
    const insecure =
      /^(list|cp|mv|verify|status|limit|pause|resume|queue add|queue list)/.test(args.join(" "))
        ? []
        : ["--insecure"];
    const code = await run([...args, ...insecure, "--models-dir", folder], host, wire);
    return { code, out: host.out.text, err: host.err.text };
  };
  const move = (name: string, seed: number, registry = own) =>
    registry.add(name, makeModel({ size: SIZE, seed }));
  return {
    registry: own,
    models,
    ran,
    move,
    async install(name, seed, registry) {
      const model = move(name, seed, registry);
      const { code, err } = await ran(["pull", model.name, "--quiet"]);
      assert.equal(code, 0, err);
      return model;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The first 12 digits, as people see them. */
export function idOf({ digest }: AddedModel): string {
  return digest.slice("sha256:".length, "sha256:".length + 12);
}
