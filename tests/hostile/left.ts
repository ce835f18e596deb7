/** What interrupted pulls leave in a models folder, as real ones have left it, and copies of it to damage. */

import { createHash } from "node:crypto";
import { cpSync } from "node:fs";
import type { Descriptor } from "../../src/core/manifest.ts";
import { type BlobPaths, blobPaths, type Paths, pathsOf } from "../../src/store/layout/paths.ts";
import { wholeOf } from "../fakes/content.ts";
import { stallAfter } from "../fakes/faults.ts";
import { makeModel } from "../fakes/model.ts";
import { MIB, type Tiny, type World, world } from "../transfer/world.ts";

const SIZE = 2 * MIB + 300_000;
const HALF = MIB + 200_000;
const HOUR = 3600;

export interface Left extends AsyncDisposable {
  readonly place: World;
  readonly model: Tiny;
  readonly paths: Paths;
  readonly at: BlobPaths;
  /** Foreign files beside the models folder. */
  readonly precious: string;
  /** Puts the models folder back as one of the interrupted pulls has left it. */
  readonly restore: (how: How) => void;
}

/** How the last pull ended, or what another program left. */
export type How = keyof typeof HOWS;

interface Scene {
  readonly paths: Paths;
  readonly at: BlobPaths;
  readonly weights: Descriptor;
  readonly bytes: Uint8Array;
}

/** Changes to what a pull leaves that was stopped. */
const HOWS = {
  stopped() {},
  killed() {},
  "ollama pull"({ at, bytes, weights }: Scene) {
    for (const path of [at.partial, at.checkpoint, at.positions]) remove(path);
    const data = new Uint8Array(bytes.length);
    data.set(bytes.subarray(0, HALF));
    write(`${at.final}-partial`, data);
    const record = { N: 0, Offset: 0, Size: weights.size, Completed: HALF };
    write(`${at.final}-partial-0`, JSON.stringify(record));
    const then = Date.now() / 1000 - HOUR;
    Deno.utimeSync(`${at.final}-partial`, then, then);
  },
  "damaged and moved aside"({ at, paths, bytes }: Scene) {
    for (const path of [at.partial, at.checkpoint, at.positions]) remove(path);
    const wrong = bytes.slice();
    wrong[MIB + 5]! ^= 1;
    write(`${paths.bad}/${at.final.slice(paths.blobs.length + 1)}-1`, wrong);
    write(at.parts, partsOf(bytes));
  },
  "verified and waiting"({ at, bytes }: Scene) {
    for (const path of [at.partial, at.checkpoint, at.positions]) remove(path);
    write(at.ready, bytes);
  },
};

/** A registry with a model, and what is left of pulls of it. */
export async function left(): Promise<Left> {
  const place = await world();
  const { models } = place;
  const paths = pathsOf(models);
  const other = place.registry.add("library/other:latest", makeModel({ size: 20_000, seed: 9 }));
  await place.pull(other.name);
  const model = place.tiny(SIZE);
  const { weights } = model;
  const at = blobPaths(paths, weights.digest);
  const bytes = wholeOf(makeModel({ size: SIZE, seed: 1 }).weights);
  const images = { killed: `${models}-killed`, stopped: `${models}-stopped` };
  place.registry.faults.data = () => stallAfter(HALF);
  let received = 0;
  const { result } = place.start(model.name, {
    settings: { connections: 1 },
    onEvent: (event, pull) => {
      if (event.event !== "bytes" || event.digest !== weights.digest) return;
      received += event.count;
      if (received < MIB) return;
      copy(models, images.killed);
      pull.stop();
    },
  });
  await result.catch(() => {});
  delete place.registry.faults.data;
  copy(models, images.stopped);
  const precious = `${models}-precious`;
  Deno.mkdirSync(precious);
  write(`${precious}/file`, "precious");
  return {
    place,
    model,
    paths,
    at,
    precious,
    restore(how) {
      copy(how === "killed" ? images.killed : images.stopped, models);
      HOWS[how]({ paths, at, weights, bytes });
    },
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
}

/** Prefix digests at each MiB, in the form of a file in parts/. */
function partsOf(bytes: Uint8Array): Uint8Array {
  const digests: number[] = [];
  for (let end = MIB; end < bytes.length; end += MIB) {
    digests.push(...createHash("sha256").update(bytes.subarray(0, end)).digest());
  }
  return new Uint8Array([...new TextEncoder().encode("pullama parts 1\n"), 0, 0, 0, 1, ...digests]);
}

function copy(from: string, to: string): void {
  remove(to);
  cpSync(from, to, { recursive: true, preserveTimestamps: true });
}

function remove(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch {
    // There was none.
  }
}

function write(path: string, content: Uint8Array | string): void {
  Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  Deno.writeFileSync(
    path,
    typeof content === "string" ? new TextEncoder().encode(content) : content,
  );
}
