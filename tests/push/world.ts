/** Models in a folder, a registry to push them to, and the engine without its waits. */

import type { PushEvent, PushSummary } from "../../src/core/reports/push.ts";
import { type ModelName, parseName } from "../../src/core/name.ts";
import type { PushSource } from "../../src/core/upload/target.ts";
import { RateLimit, steadyPace } from "../../src/io/limit.ts";
import { type PushSettings } from "../../src/push/context.ts";
import { Pusher } from "../../src/push/push.ts";
import { Requests, type TargetOptions } from "../../src/registry/push/requests.ts";
import { RegistryTarget } from "../../src/registry/push/target.ts";
import { openFolder } from "../../src/store/store.ts";
import { makeModel } from "../fakes/model.ts";
import {
  startUploadRegistry,
  type UploadRegistry,
  type UploadRegistryOptions,
} from "../fakes/upload_registry.ts";
import { temporaryFolder } from "../real/child.ts";
import { install, type Installed } from "../store/installed_models.ts";

export const MiB = 1 << 20;
/** Bytes of the weights: six chunks and some. */
export const SIZE = 6 * MiB + 12_345;

export interface Pushed {
  readonly summary: PushSummary | undefined;
  readonly error: unknown;
  readonly events: readonly PushEvent[];
}

export interface PushWorld extends AsyncDisposable {
  readonly models: string;
  readonly registry: UploadRegistry;
  /** The model `tiny`, and its weights. */
  readonly tiny: Installed;
  readonly weights: string;
  /** Milliseconds that were waited for. */
  readonly waits: readonly number[];
  /** Pushes models with one engine; the results in order. */
  readonly run: (names: readonly string[], options?: RunOptions) => Promise<readonly Pushed[]>;
  readonly push: (options?: RunOptions) => Promise<Pushed>;
}

export interface RunOptions {
  readonly settings?: Partial<PushSettings>;
  readonly target?: Partial<TargetOptions>;
  readonly signal?: AbortSignal;
  readonly source?: PushSource;
  /** Called with each event. */
  readonly watch?: (event: PushEvent) => void;
}

const SETTINGS: PushSettings = {
  connections: 2,
  chunkSize: MiB,
  timeoutMs: 60_000,
  maxRetries: 4,
  retryForMs: 0,
  dryRun: false,
};

export async function pushWorld(options: UploadRegistryOptions = {}): Promise<PushWorld> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const registry = stack.use(await startUploadRegistry(options));
  const models = `${folder.path}/models`;
  const tiny = install(models, "tiny/latest", makeModel({ size: SIZE, seed: 1 }));
  const waits: number[] = [];
  const run: PushWorld["run"] = async (
    names,
    { settings, target: more, signal, source, watch } = {},
  ) => {
    const url = new URL(registry.url);
    using target = new RegistryTarget(
      new Requests({ userAgent: "pullama/test", url, finishMs: 60_000, ...more }),
    );
    const own = await openFolder(models).pushed();
    let time = 0;
    const clock = {
      now: () => time,
      random: () => 0.5,
      sleep(ms: number, stop?: AbortSignal) {
        stop?.throwIfAborted();
        waits.push(ms);
        time += ms;
        return Promise.resolve();
      },
    };
    const pusher = new Pusher({
      source: source ?? own.source,
      target,
      ...(source ? {} : { notes: own.notes }),
      settings: { ...SETTINGS, ...settings },
      limit: new RateLimit(steadyPace(undefined), clock),
      clock,
    });
    const results: Pushed[] = [];
    for (const name of names) {
      const events: PushEvent[] = [];
      const emit = (event: PushEvent) => {
        events.push(event);
        watch?.(event);
      };
      const stop = signal ?? new AbortController().signal;
      const of = { summary: undefined, error: undefined, events };
      results.push(
        await pusher.push(nameOf(name), { emit, signal: stop })
          .then((summary) => ({ ...of, summary }), (error) => ({ ...of, error })),
      );
    }
    return results;
  };
  const owned = stack.move();
  return {
    models,
    registry,
    tiny,
    weights: largestIn(tiny),
    waits,
    run,
    push: async (options) => (await run(["tiny"], options))[0]!,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function nameOf(name: string): ModelName {
  return parseName(name);
}

/** The path of the largest blob. */
function largestIn({ blobs }: Installed): string {
  const sizes = blobs.map((path) => ({ path, size: Deno.statSync(path).size }));
  return sizes.toSorted((a, b) => b.size - a.size)[0]!.path;
}
