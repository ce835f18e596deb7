/** The engine with the real registry client and models folder, a registry that misbehaves, and no waits. */

import { PullamaError } from "../../src/core/errors.ts";
import type { PullEvent, Summary } from "../../src/core/events.ts";
import { parsePinned } from "../../src/core/name.ts";
import type { Range } from "../../src/core/ranges.ts";
import { steadyPace } from "../../src/io/limit.ts";
import { DEFAULT_STALL_LIMITS, type StallLimits, StallWatch } from "../../src/io/stall.ts";
import { RegistrySource } from "../../src/registry/source.ts";
import { blobFile, pathsOf } from "../../src/store/layout/paths.ts";
import { openFolder } from "../../src/store/store.ts";
import type { Clock } from "../../src/io/clock.ts";
import type { Room, Source, Store } from "../../src/core/content.ts";
import { pullModel, type PullSettings } from "../../src/transfer/pull.ts";
import type { PullPace } from "../../src/transfer/pace.ts";
import { makeModel } from "../fakes/model.ts";
import {
  type AddedModel,
  type Registry,
  type RegistryOptions,
  startRegistry,
} from "../fakes/registry.ts";
import { temporaryFolder } from "../real/child.ts";
import { assertInstalled } from "../real/store.ts";

export const MIB = 1 << 20;

/** A clock whose waits take no time, but pass. */
export class QuickClock implements Clock {
  #skipped = 0;
  /** Every wait that was asked for, in milliseconds. */
  readonly waits: number[] = [];

  now = (): number => performance.now() + this.#skipped;
  random = (): number => 0.5;

  sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
    this.waits.push(ms);
    const until = this.now() + ms;
    await new Promise((resolve) => setTimeout(resolve));
    signal?.throwIfAborted();
    this.#skipped += Math.max(0, until - this.now());
  };
}

export interface Pull {
  readonly result: Promise<Summary | undefined>;
  readonly events: readonly PullEvent[];
  readonly clock: QuickClock;
  /** The first signal. */
  readonly stop: () => void;
}

export interface PullChanges {
  readonly settings?: Partial<PullSettings>;
  /** Bytes per second. */
  readonly limitRate?: number | undefined;
  readonly pace?: PullPace;
  readonly silence?: Partial<StallLimits>;
  readonly source?: (source: Source) => Source;
  readonly store?: (store: Store) => Store;
  readonly onEvent?: (event: PullEvent, pull: Pull) => void;
}

export interface World extends AsyncDisposable {
  readonly registry: Registry;
  readonly models: string;
  /** Adds a model with weights of about `size` bytes. */
  readonly tiny: (size: number, seed?: number) => Tiny;
  readonly start: (name: string, changes?: PullChanges) => Pull;
  /** Pulls to the end. */
  readonly pull: (name: string, changes?: PullChanges) => Promise<Pull>;
  /** Pulls and expects a failure. */
  readonly fail: (name: string, changes?: PullChanges) => Promise<{ error: PullamaError } & Pull>;
  readonly assertInstalled: (model: AddedModel) => void;
  /** Paths below the models folder, folders with a slash at the end. */
  readonly tree: () => string[];
  readonly blob: (digest: AddedModel["digest"], ready?: "ready") => string;
}

/** A model with its largest layer. */
export type Tiny = AddedModel & { readonly weights: AddedModel["layers"][number] };

const SETTINGS: PullSettings = {
  connections: 4,
  perBlob: 4,
  window: 256 * 1024 * 1024,
  // Short, so that a blob of a few MiB is shared out among the connections.
  chunkSize: 4 * MIB,
  maxRetries: 6,
  retryForMs: 0,
  timeoutMs: 60_000,
  force: false,
  dryRun: false,
};

export async function world(options: RegistryOptions = {}): Promise<World> {
  const registry = await startRegistry(options);
  const folder = await temporaryFolder();
  const models = `${folder.path}/models`;
  const paths = pathsOf(models);

  const start = (name: string, changes: PullChanges = {}): Pull => {
    const soft = new AbortController();
    const events: PullEvent[] = [];
    const clock = new QuickClock();
    const real = new RegistrySource({ userAgent: "test", insecure: true }, {
      onWarning: (message, hint) => events.push({ event: "warning", message, hint }),
    });
    const store = openFolder(models, { tool: "test" });
    const pull: Pull = {
      events,
      clock,
      stop: () => soft.abort(new PullamaError("interrupted", "stopped")),
      get result() {
        return result;
      },
    };
    const result = pullModel(parsePinned(name), {
      source: changes.source?.(real) ?? real,
      store: changes.store?.(store) ?? store,
      settings: { ...SETTINGS, ...changes.settings },
      pace: changes.pace ?? steadyPace(changes.limitRate),
      stop: { soft: soft.signal, hard: new AbortController().signal },
      clock,
      watch: new StallWatch({ ...DEFAULT_STALL_LIMITS, ...changes.silence }),
      emit: (event) => {
        events.push(event);
        changes.onEvent?.(event, pull);
      },
    }).finally(() => real[Symbol.dispose]());
    result.catch(() => {});
    return pull;
  };

  return {
    registry,
    models,
    start,
    tiny(size, seed = 1) {
      const model = registry.add("library/tiny:latest", makeModel({ size, seed }));
      return { ...model, weights: model.layers[0]! };
    },
    async pull(name, changes) {
      const pull = start(name, changes);
      await pull.result;
      return pull;
    },
    async fail(name, changes) {
      const pull = start(name, changes);
      try {
        await pull.result;
      } catch (error) {
        if (error instanceof PullamaError) return { ...pull, result: pull.result, error };
        throw error;
      }
      throw new Error("the pull did not fail");
    },
    assertInstalled: (model) =>
      assertInstalled(models, model.name, {
        manifest: model.manifest,
        blobs: [...model.layers, ...(model.config ? [model.config] : [])],
      }),
    tree: () => treeOf(models),
    blob: (digest, ready) => `${ready ? paths.ready : paths.blobs}/${blobFile(digest)}`,
    async [Symbol.asyncDispose]() {
      await registry.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function treeOf(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
      isDirectory
        ? [`${name}/`, ...treeOf(`${folder}/${name}`).map((path) => `${name}/${path}`)]
        : [name]
    ).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** How often an event of this kind came. */
export function count(pull: Pull, event: PullEvent["event"]): number {
  return pull.events.filter((one) => one.event === event).length;
}

/**
 * Bytes that connections took over from others, which may have been on their way to those: on a slow computer they
 * come twice.
 */
export function takenOver({ events }: Pull): number {
  let open: readonly Range[] = [];
  let bytes = 0;
  for (const event of events) {
    if (event.event === "chunk_start") {
      const { start, end } = event.range;
      if (open.some((range) => range.start < start && start < range.end)) bytes += end - start;
      open = [...open, event.range];
    } else if (event.event === "chunk_end") {
      const { start } = event.range;
      open = open.filter((range) => range.start !== start);
    }
  }
  return bytes;
}

/** The same models folder on another disk. */
export function onDisk(
  store: Store,
  disk: Partial<Room>,
): Store {
  return {
    room: async () => ({ ...await store.room(), ...disk }),
    spelling: (name) => store.spelling(name),
    installed: (name) => store.installed(name),
    dropReplaced: () => store.dropReplaced(),
    survey: (blobs) => store.survey(blobs),
    unfinishedBytes: (blobs) => store.unfinishedBytes(blobs),
    enter: (signal, waiting, wish) => store.enter(signal, waiting, wish),
  };
}
