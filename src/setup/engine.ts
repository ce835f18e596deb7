/** Puts registry, models folder and engine together, for the command line and for the library. */

import type { Emit, Summary } from "../core/events.ts";
import { DEFAULT_HOST, displayName, type ModelName } from "../core/name.ts";
import type { Stop } from "../core/stop.ts";
import { openDisk } from "../io/disk.ts";
import type { RequestNote } from "../registry/http/http.ts";
import { RegistrySource } from "../registry/source.ts";
import { proxiesIn } from "../registry/net/proxy.ts";
import { openFolder } from "../store/store.ts";
import { withMirrors } from "./mirrors/compose.ts";
import { Mirrors } from "./mirrors/open.ts";
import { memoryWindow } from "./memory.ts";
import { livePace } from "./pace/pace.ts";
import type { Timetable } from "./pace/timetable.ts";
import { pullModel, type PullSettings } from "../transfer/pull.ts";
import { CountsByHost } from "../transfer/traffic/counts_by_host.ts";
import { readCertificates } from "./certificates.ts";
import { variable } from "./environment.ts";
import { identityIn, keptIdentity } from "./identity.ts";
import { type BecomeOwner, foreignOwner, refuseOwner } from "./owner.ts";
import type { PullOptions } from "./options.ts";
import { installedFirst, installedOtherwise, repairSource } from "./installed_source.ts";
import { requireStorable } from "./storable.ts";
import { withoutProxyEnv } from "./deno_client_env.ts";
import { TOOL, userAgent } from "./version.ts";

/** Pulls models: built once, used for one model after another, or for several at the same time. */
export interface Engine extends AsyncDisposable {
  /**
   * Emits everything from `pull_start` to `pull_completed`, `dry_run` or `pull_interrupted`, but never
   * `pull_failed`. Resolves with the summary, with nothing after a dry run; rejects when it failed, and
   * with kind `interrupted` after `pull_interrupted`.
   */
  pull(name: ModelName, emit: Emit): Promise<Summary | undefined>;
}

const UNLIMITED: Timetable = { usual: undefined, at: [] };

export type OpenEngine = (options: PullOptions, stop: Stop) => Promise<Engine>;

/**
 * An engine for the models folder and the network that `options` describe. `become`: if this is root in a folder of
 * another user, called before anything in there changes.
 */
export async function openEngine(
  options: PullOptions,
  stop: Stop,
  become: BecomeOwner = refuseOwner,
): Promise<Engine> {
  const proxyFor = proxiesIn(variable);
  const caCerts = await readCertificates(options);
  const own = identityIn(variable, options.tokenHosts);
  const owner = options.dryRun ? undefined : await foreignOwner(options.modelsDir);
  const identity = owner ? await keptIdentity(own) : own;
  if (owner) await become(owner);
  const { mirrors: urls = [], offline = false } = options;
  const common = {
    userAgent: userAgent(variable),
    chunkSize: options.chunkSize,
    longestHeaderMs: options.timeoutMs,
    caCerts,
    withoutProxyEnv,
  };
  const registry = offline
    ? undefined
    : new RegistrySource({ ...common, insecure: options.insecure, proxyFor, identity });
  const mirrors = new Mirrors({ urls, offline, identity, proxyFor, common });
  const counts = new CountsByHost();
  const windows = Deno.build.os === "windows";
  const { limitRate: timetable = UNLIMITED, windows: hours = [], connections } = options;
  const settings: PullSettings = {
    connections,
    // Writing at several places of one file makes NTFS fill the gaps with zeros first.
    perBlob: windows ? 1 : connections ?? Infinity,
    chunkSize: options.chunkSize,
    window: memoryWindow(),
    maxRetries: options.maxRetries,
    retryForMs: options.retryForMs ?? 0,
    timeoutMs: options.timeoutMs,
    force: options.force,
    dryRun: options.dryRun,
  };
  return {
    async pull(name, emit) {
      requireStorable(name, asMirror(name, options));
      if (name.host.toLowerCase() === "ollama.com") emit({ event: "warning", ...otherName(name) });
      const observer = {
        onRequest: (note: RequestNote) => emit({ event: "request", ...note }),
        onNote: (message: string) => emit({ event: "note", message }),
        onWarning: (message: string, hint: string) => emit({ event: "warning", message, hint }),
      };
      const own = registry?.observedBy(observer);
      const all = withMirrors(own, mirrors.observedBy(observer), emit);
      const disk = openDisk((message) => emit({ event: "note", message }));
      const store = openFolder(options.modelsDir, { tool: TOOL, disk });
      const either = offline && !options.dryRun ? installedOtherwise(all, store, emit) : all;
      const source = options.repair ? repairSource(either, store) : installedFirst(either, store);
      const order = urls.length > 0 ? [...urls, ...(offline ? [] : [name.host])] : undefined;
      const tools = { source, store, settings, counts, stop, emit, ...(order && { order }) };
      if (options.dryRun) return await pullModel(name, tools);
      const folder = () => store.controls();
      const now = () => new Date();
      using pace = await livePace({ timetable, windows: hours, folder, now });
      return await pullModel(name, { ...tools, pace });
    },
    [Symbol.asyncDispose]() {
      registry?.[Symbol.dispose]();
      mirrors[Symbol.dispose]();
      return Promise.resolve();
    },
  };
}

/** A registry with a port in its name can be the mirror of a name without one. */
function asMirror(name: ModelName, { insecure }: PullOptions): string | undefined {
  if (!name.host.includes(":")) return undefined;
  const model = displayName({ ...name, host: DEFAULT_HOST });
  const scheme = name.scheme ?? (insecure ? "http" : "https");
  return `store it without the registry in its name: ` +
    `pullama ${model} --mirror ${scheme}://${name.host} --offline`;
}

/** The URL of a web page works, but under another name than `ollama pull` uses. */
function otherName(name: ModelName): { readonly message: string; readonly hint: string } {
  return {
    message: `Ollama will list this model as ${displayName(name)}`,
    hint: `for the usual name write ${displayName({ ...name, host: DEFAULT_HOST })}`,
  };
}
