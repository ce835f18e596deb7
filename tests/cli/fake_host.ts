/** A fake host, and an engine that pulls nothing. */

import { PullamaError } from "../../src/core/errors.ts";
import type { Emit, Summary } from "../../src/core/events.ts";
import { displayName, type ModelName } from "../../src/core/name.ts";
import type { Stop } from "../../src/core/stop.ts";
import type { Engine } from "../../src/setup/engine.ts";
import { openFolder } from "../../src/store/store.ts";
import { diagnose } from "../../src/setup/doctor.ts";
import { openCopier } from "../../src/setup/local/copy.ts";
import { exportModels } from "../../src/setup/local/export.ts";
import { openArchives, receiveModels } from "../../src/setup/local/import.ts";
import { openModels } from "../../src/setup/models.ts";
import type { Host } from "../../src/cli/host/host.ts";
import { openPusher } from "../../src/setup/push/push.ts";
import { openQueue } from "../../src/setup/queue.ts";
import { serveModels } from "../../src/setup/serve/serve.ts";
import type { PullOptions } from "../../src/setup/options.ts";
import { run, type Wire } from "../../src/cli/program.ts";
import { fakeClock } from "../ui/fake_clock.ts";
import { type FakeTerminal, fakeTerminal } from "../ui/fake_terminal.ts";
import { CONFIG, MODEL, SUMMARY } from "../ui/pull_events.ts";

export interface FakeHost extends Host {
  readonly out: FakeTerminal;
  readonly err: FakeTerminal;
  /** Does what a signal does. */
  interrupt(): void;
}

export interface HostParts {
  readonly env?: Readonly<Record<string, string>>;
  readonly os?: string;
  readonly folders?: Readonly<Record<string, ReturnType<Host["folder"]>>>;
  readonly terminal?: () => FakeTerminal;
}

/** Windows where the tests run there, so that its paths are understood; otherwise Linux. */
const OS = Deno.build.os === "windows" ? "windows" : "linux";

/** A machine with the home directory /home/u, whose output goes to pipes. */
export function fakeHost(parts: HostParts = {}): FakeHost {
  const { env = { HOME: "/home/u" }, os = OS, folders = {}, terminal = fakeTerminal } = parts;
  const soft = new AbortController();
  return {
    out: terminal(),
    err: terminal(),
    clock: fakeClock(),
    stop: { soft: soft.signal, hard: new AbortController().signal },
    os,
    env: (name) => env[name] ?? (name === "USERPROFILE" ? env["HOME"] : undefined),
    input: () => new ReadableStream({ start: (controller) => controller.close() }),
    binaryOut: undefined,
    cwd: () => Deno.cwd(),
    folder: (path) => folders[path] ?? "missing",
    interrupt: () => soft.abort(),
  };
}

/** What a pull does in a test. */
export type Pull = (name: ModelName, emit: Emit, host: FakeHost) => Promise<Summary | undefined>;

/** The result of running a command line. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** The display names of the pulled models. */
  readonly pulled: readonly string[];
  /** The options of the engine; undefined if it was not opened. */
  readonly options: PullOptions | undefined;
  readonly stop: Stop | undefined;
  /** How often the engine was opened and closed. */
  readonly opened: number;
  readonly closed: number;
}

/** Runs the program with an engine that calls `pull`. */
export async function ran(
  argv: readonly string[],
  host: FakeHost = fakeHost(),
  pull: Pull = pullWell,
): Promise<Ran> {
  const pulled: string[] = [];
  let options: PullOptions | undefined;
  let stop: Stop | undefined;
  let opened = 0;
  let closed = 0;
  const engine: Engine = {
    pull(name, emit) {
      pulled.push(displayName(name));
      return pull(name, emit, host);
    },
    [Symbol.asyncDispose]() {
      closed++;
      return Promise.resolve();
    },
  };
  const wire: Wire = {
    openEngine(with_, until) {
      options = with_;
      stop = until;
      opened++;
      return Promise.resolve(engine);
    },
    openModels: (modelsDir) => Promise.resolve(openModels(modelsDir)),
    limitPulls: (modelsDir, rate) => openFolder(modelsDir).limit(rate),
    pausePulls: (modelsDir, paused) => openFolder(modelsDir).pause(paused),
    openCopier: (options, stop) => openCopier(options, stop),
    exportModels: (options, watcher) => exportModels(options, watcher),
    openArchives: (given, signal) => openArchives(given, signal),
    receiveModels: (...args) => receiveModels(...args),
    openImporter: (archive, options, stop) => archive.engine(options, stop),
    removeModels: (modelsDir, names) => openFolder(modelsDir).remove(names),
    cleanFolder: (modelsDir, options) => openFolder(modelsDir).clean(options),
    pruneFolder: (modelsDir, options) => openFolder(modelsDir).prune(options),
    verifyModels: (modelsDir, options, watcher) => openFolder(modelsDir).verify(options, watcher),
    serveModels,
    openPusher: (options, signal) => openPusher(options, signal),
    openQueue: (modelsDir) => Promise.resolve(openQueue(modelsDir)),
    examine: (options, watcher) => diagnose(options, watcher),
  };
  const code = await run(argv, host, wire);
  return { code, out: host.out.text, err: host.err.text, pulled, options, stop, opened, closed };
}

/** A successful pull of two blobs, the smaller of which is cached. */
export function pullWell(name: ModelName, emit: Emit): Promise<Summary> {
  const summary = { ...SUMMARY, name };
  emit({ event: "pull_start", name });
  emit({ event: "manifest", digest: SUMMARY.digest, blobs: 2, size: SUMMARY.size, kept: 0 });
  emit({ event: "blob_cached", blob: CONFIG });
  emit({ event: "blob_start", blob: MODEL, kept: 0 });
  emit({ event: "bytes", digest: MODEL.digest, count: MODEL.size });
  emit({ event: "blob_verified", blob: MODEL, elapsedMs: 1_000 });
  emit({ event: "manifest_written", digest: SUMMARY.digest });
  emit({ event: "pull_completed", summary });
  return Promise.resolve(summary);
}

/** A pull of a model that the registry does not have. */
export function pullUnknown(name: ModelName, emit: Emit): Promise<never> {
  emit({ event: "pull_start", name });
  const error = new PullamaError("not_found", "model not found on registry.ollama.ai", {
    hint: "see https://ollama.com/library",
  });
  return Promise.reject(error);
}

/** A pull that is interrupted by a signal. */
export function pullInterrupted(name: ModelName, emit: Emit, host: FakeHost): Promise<never> {
  emit({ event: "pull_start", name });
  host.interrupt();
  emit({ event: "pull_interrupted", name, kept: 1_000_000_000, size: SUMMARY.size });
  return Promise.reject(new PullamaError("interrupted", "interrupted by a signal"));
}

/** Succeeds except for the named models. */
export function except(pulls: Readonly<Record<string, Pull>>): Pull {
  return (name, emit, host) => (pulls[name.model] ?? pullWell)(name, emit, host);
}

/** Fails with `error` right after the start. */
export function failing(error: unknown): Pull {
  return (name, emit) => {
    emit({ event: "pull_start", name });
    return Promise.reject(error);
  };
}
