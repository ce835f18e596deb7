/** Cuts the power at every step of a command, and lets the program find what that leaves. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Descriptor } from "../../src/core/manifest.ts";
import { mapConcurrent } from "../../src/io/concurrency.ts";
import { randomNumbers } from "../random.ts";
import { cacheOfDeno, pullamaCommand } from "../real/program.ts";
import { temporaryFolder } from "../real/child.ts";
import { filesIn } from "../real/store.ts";
import { build, identitiesIn } from "./built.ts";
import { type FileNode, History, type Node } from "./history.ts";
import { assertSound, type Place, place } from "./place.ts";
import { type Cut, cutsOf } from "./states.ts";
import { traced } from "./syscalls.ts";

/** What a command does, and how it is repeated after the cut. */
export interface Scene {
  readonly what: string;
  /** Fills the models folder, and chooses the command. */
  readonly begin: (place: Place) => Promise<Begun>;
}

export interface Begun {
  /** The command that is recorded. */
  readonly args: readonly string[];
  /** The registry is as slow or wrong as this while it is recorded. */
  readonly faults?: Place["registry"]["faults"];
  /** A large blob that is downloaded. What is proven of it is not downloaded again. */
  readonly weights?: Descriptor;
  /** The file name of a blob that is wrong at the beginning. */
  readonly damaged?: string;
  /** Whether a file was written days before the cut. */
  readonly old?: (path: string) => boolean;
  /** What a user sees after the reboot. */
  readonly look?: (models: string) => Promise<void> | void;
  /** Repeats the command. The result: how many bytes of blobs were downloaded. */
  readonly again: (models: string) => Promise<number>;
  /** How many that may be, if `proven` bytes of the weights were durable. */
  readonly most?: (proven: number) => number;
}

export interface Figures {
  readonly steps: number;
  /** Different states, and how many of them were tried. */
  readonly states: number;
  readonly tried: number;
}

const AT_ONCE = 3;
const BLOCK = 4096;

/** Tries `most` of the states, drawn by `seed`. Throws with the state that broke a promise. */
export async function cutPower(scene: Scene, seed: number, most: number): Promise<Figures> {
  await using stage = await place();
  const begun = await scene.begin(stage);
  const { registry, folder, models } = stage;
  const history = new History(folder);
  const before = identitiesIn(`${models}/blobs`);
  Object.assign(registry.faults, begun.faults);
  const command = [...pullamaCommand(), ...begun.args, "--models-dir", models];
  const env = { HOME: `${folder}/home`, ...cacheOfDeno() };
  const record = await traced(command, `${folder}.trace`, env);
  assert.equal(record.code, 0, `${record.out}${record.err}`);
  for (const name of Object.keys(begun.faults ?? {})) delete registry.faults[name as "data"];
  const identities = new Map([...before, ...identitiesIn(`${models}/blobs`)]);

  const { weights } = begun;
  const truth = weights && Deno.readFileSync(`${models}/blobs/${weights.digest.replace(":", "-")}`);
  const proofs = weights && new Proofs(history, models, weights, truth!);
  const cuts: (Cut & { readonly proven: number })[] = [];
  let steps = 0;
  for (const cut of cutsOf(history, record.calls, seed, () => proofs?.look())) {
    cuts.push({ ...cut, proven: proofs?.proven ?? 0 });
    steps = cut.step;
  }
  assertSameAs(history, folder);

  const chosen = drawn(cuts, most, seed);
  await mapConcurrent(chosen, AT_ONCE, async ({ state, step, after, proven }) => {
    await using machine = await temporaryFolder();
    const there = `${machine.path}/models`;
    const old = begun.old ?? (() => false);
    build({ state, from: folder, to: machine.path, identities, old });
    try {
      assertSound(there, stage, begun.damaged);
      await begun.look?.(there);
      const fetched = await begun.again(there);
      const allowed = begun.most?.(proven) ?? 0;
      assert.ok(fetched <= allowed, `${fetched} bytes were downloaded, ${allowed} were missing`);
      assertSound(there, stage);
    } catch (error) {
      const { message } = error as Error;
      const files = [...state].map(([path, { length }]) =>
        `  ${path.slice(folder.length)} ${length}`
      );
      throw new Error(
        `${scene.what}, cut after step ${step} (${after}), seed ${seed}: ${message}\n${
          files.join("\n")
        }`,
        { cause: error },
      );
    }
  });
  return { steps, states: cuts.length, tried: chosen.length };
}

/** How many bytes of the weights were durable, with a checkpoint that says so. */
class Proofs {
  /** How many were when a draft was begun, which may become a checkpoint. */
  readonly #drafts = new Map<Node, number>();
  readonly #pullm: string;
  readonly #name: string;
  /** It never becomes less. */
  proven = 0;

  /** `truth`: the right content. */
  constructor(
    private readonly history: History,
    models: string,
    { digest }: Descriptor,
    private readonly truth: Uint8Array,
  ) {
    this.#pullm = `${models}/.pullm`;
    this.#name = digest.replace(":", "-");
  }

  look(): void {
    for (const [path, node] of this.history.names) {
      if (!path.startsWith(`${this.#pullm}/tmp/`) || this.#drafts.has(node)) continue;
      this.#drafts.set(node, this.#durable(`${this.#pullm}/${this.#name}.partial`));
    }
    const checkpoint = this.history.durable(`${this.#pullm}/${this.#name}.json`);
    const ready = this.#durable(`${this.#pullm}/ready/${this.#name}`);
    const proven = checkpoint ? this.#drafts.get(checkpoint) ?? 0 : 0;
    this.proven = Math.max(this.proven, proven, ready === this.truth.length ? ready : 0);
  }

  /** How many bytes at `path` are durable and right, by blocks. */
  #durable(path: string): number {
    const node = this.history.durable(path);
    if (node?.kind !== "file") return 0;
    const { bytes } = node.durable;
    let right = 0;
    for (let at = 0; at < bytes.length; at += BLOCK) {
      const block = bytes.subarray(at, at + BLOCK);
      const same = block.every((byte, i) => byte === this.truth[at + i]);
      if (same) right += block.length;
    }
    return right;
  }
}

/** `most` of `all`, or all of them, in their order. */
function drawn<T>(all: readonly T[], most: number, seed: number): readonly T[] {
  const random = randomNumbers(seed);
  let left = Math.min(most, all.length);
  return all.filter((_, i) => {
    const chosen = random() < left / (all.length - i);
    if (chosen) left--;
    return chosen;
  });
}

/** The record is whole: what it says that the program sees is what is there. */
function assertSameAs(history: History, folder: string): void {
  const seen = [...history.names].filter(([, node]) => node.kind === "file");
  const paths = seen.map(([path]) => path.slice(folder.length + 1)).sort();
  assert.deepEqual(paths, filesIn(folder));
  for (const [path, node] of seen) {
    const content = (node as FileNode).content.bytes;
    assert.ok(
      Buffer.from(Deno.readFileSync(path)).equals(content),
      `the record of ${path} is wrong`,
    );
  }
}
