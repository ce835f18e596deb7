/** A registry, a models folder to record in, and the program: as a process, and in this one. */

import assert from "node:assert/strict";
import { wire } from "../../src/cli/wire.ts";
import { run } from "../../src/cli/program.ts";
import { fakeHost } from "../cli/fake_host.ts";
import { type AddedModel, type Registry, startRegistry } from "../fakes/registry.ts";
import type { Content } from "../fakes/content.ts";
import { makeModel } from "../fakes/model.ts";
import { temporaryFolder } from "../real/child.ts";
import { filesUnder, sha256Of } from "../real/store.ts";

export interface Place extends AsyncDisposable {
  readonly registry: Registry;
  /** A folder of its own, in which everything is recorded. */
  readonly folder: string;
  readonly models: string;
  /** Adds a model with weights of about `size` bytes; all of its versions are known as right. */
  readonly model: (name: string, size: number, seed?: number) => AddedModel;
  /** The content of the weights of a model that was added. */
  readonly weights: (model: AddedModel) => Uint8Array;
  /** All versions, by the path of the manifest below `manifests/`. */
  readonly versions: ReadonlyMap<string, readonly AddedModel[]>;
}

export async function place(): Promise<Place> {
  const registry = await startRegistry();
  const folder = await temporaryFolder();
  const versions = new Map<string, AddedModel[]>();
  const contents = new Map<AddedModel, Content>();
  return {
    registry,
    folder: folder.path,
    models: `${folder.path}/models`,
    versions,
    model(name, size, seed = 1) {
      const files = makeModel({ size, seed });
      const model = registry.add(`library/${name}`, files);
      contents.set(model, files.weights);
      const path = model.name.replace(/:(?=[^:]*$)/, "/");
      versions.set(path, [...versions.get(path) ?? [], model]);
      return model;
    },
    weights(model) {
      const content = contents.get(model)!;
      return content.read(0, content.size);
    },
    async [Symbol.asyncDispose]() {
      await registry.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command of the program in this process. */
export async function ranIn(models: string, ...args: readonly string[]): Promise<Ran> {
  const host = fakeHost({ env: { HOME: `${models}/../home` } });
  const code = await run([...args, "--models-dir", models], host, wire);
  return { code, out: host.out.text, err: host.err.text };
}

/** The same; it has to succeed. */
export async function succeeds(models: string, ...args: readonly string[]): Promise<Ran> {
  const ended = await ranIn(models, ...args);
  assert.equal(ended.code, 0, `${args.join(" ")}: ${ended.out}${ended.err}`);
  return ended;
}

/** Asserts that all blobs are right, except `damaged`, and all manifests are known ones with all of their blobs. */
export function assertSound(
  models: string,
  { versions }: Pick<Place, "versions">,
  damaged?: string,
): void {
  for (const path of filesUnder(`${models}/blobs`)) {
    const hex = /^sha256-([0-9a-f]{64})$/.exec(path)?.[1];
    if (hex === undefined || path === damaged) continue;
    assert.equal(sha256Of(`${models}/blobs/${path}`), hex, `blobs/${path} is wrong`);
  }
  for (const path of filesUnder(`${models}/manifests`)) {
    if (path.startsWith(".pullm")) continue;
    const content = Deno.readFileSync(`${models}/manifests/${path}`);
    const version = versions.get(path)?.find(({ manifest }) =>
      manifest.length === content.length && manifest.every((byte, i) => byte === content[i])
    );
    assert.ok(version, `the manifest ${path} has ${content.length} wrong bytes`);
    for (const { digest } of [...version.layers, version.config!]) {
      const name = digest.replace(":", "-");
      if (name === damaged) continue;
      assert.ok(filesUnder(`${models}/blobs`).includes(name), `${path} lacks ${digest}`);
    }
  }
}
