/** Puts models folder or registry, the registry that is pushed to, and the engine of a push together. */

import type { Emit, PullEvent } from "../../core/events.ts";
import type { ModelName } from "../../core/name.ts";
import type { EmitPush, PushSummary } from "../../core/reports/push.ts";
import type { PushSource, UploadNotes } from "../../core/upload/target.ts";
import { systemClock } from "../../io/clock.ts";
import { RateLimit } from "../../io/limit.ts";
import { Pusher } from "../../push/push.ts";
import type { RequestNote } from "../../registry/http/http.ts";
import { proxiesIn } from "../../registry/net/proxy.ts";
import { Requests } from "../../registry/push/requests.ts";
import { RegistryTarget } from "../../registry/push/target.ts";
import { RegistrySource } from "../../registry/source.ts";
import { openFolder } from "../../store/store.ts";
import { readCertificates } from "../certificates.ts";
import { withoutProxyEnv } from "../deno_client_env.ts";
import { variable } from "../environment.ts";
import { identityIn, keptIdentity } from "../identity.ts";
import { withMirrors } from "../mirrors/compose.ts";
import { Mirrors } from "../mirrors/open.ts";
import { type BecomeOwner, foreignOwner, refuseOwner } from "../owner.ts";
import { wordOf } from "../../transfer/sources/word.ts";
import { livePace } from "../pace/pace.ts";
import type { Timetable } from "../pace/timetable.ts";
import { userAgent } from "../version.ts";

/** Sizes in bytes, times in milliseconds. */
export interface PushOptions {
  /** Where the models are; undefined: at their registries. */
  readonly modelsDir: string | undefined;
  /** Scheme, host and the path that all repositories are below. */
  readonly to: URL;
  /** Mirrors of the registries that models are read from, as in `PullOptions`. */
  readonly mirrors: readonly string[];
  /** Blobs that are sent at the same time. */
  readonly connections: number;
  readonly chunkSize: number;
  readonly timeoutMs: number;
  readonly maxRetries: number;
  readonly retryForMs: number;
  /** Bytes a second over all connections; absent: no limit. */
  readonly limitRate?: Timetable;
  /** A file, and folders, with certificates to trust besides the system's. */
  readonly caCert?: string;
  readonly caDir?: string;
  /** Hosts that get the login for a registry if that names them as its token server. */
  readonly tokenHosts: readonly string[];
  readonly dryRun: boolean;
}

/** Pushes one model after another. */
export interface PushEngine extends AsyncDisposable {
  /** As `Pusher.push`. */
  push(name: ModelName, emit: EmitPush): Promise<PushSummary | undefined>;
}

export type OpenPusher = (options: PushOptions, signal: AbortSignal) => Promise<PushEngine>;

const UNLIMITED: Timetable = { usual: undefined, at: [] };

/** `become`: if this is root in a models folder of another user, called before anything in there changes. */
export async function openPusher(
  options: PushOptions,
  signal: AbortSignal,
  become: BecomeOwner = refuseOwner,
): Promise<PushEngine> {
  const { modelsDir, to, dryRun, limitRate: timetable = UNLIMITED } = options;
  const { connections, chunkSize, timeoutMs, maxRetries, retryForMs } = options;
  const proxyFor = proxiesIn(variable);
  const caCerts = await readCertificates(options);
  const own = identityIn(variable, options.tokenHosts);
  const owner = dryRun || modelsDir === undefined ? undefined : await foreignOwner(modelsDir);
  const identity = owner ? await keptIdentity(own) : own;
  if (owner) await become(owner);
  const common = {
    userAgent: userAgent(variable),
    chunkSize,
    longestHeaderMs: timeoutMs,
    caCerts,
    withoutProxyEnv,
  };
  // Who watches the model that is pushed at the moment.
  let emit: EmitPush = () => {};
  const observer = observerOf((event) => emit(event));
  const target = new RegistryTarget(
    new Requests({ ...common, ...observer, url: to, identity, proxyFor, finishMs: timeoutMs }),
  );
  const setup = { urls: options.mirrors, offline: false, identity, proxyFor, common };
  const registry = new RegistrySource({ ...common, identity, proxyFor });
  const mirrors = new Mirrors(setup);
  const from = modelsDir === undefined
    ? { source: remoteSource(registry, mirrors, (event) => emit(event)) }
    : await openFolder(modelsDir).pushed();
  // That user could name any address in a note, which root would send its bytes to.
  const isOwn = owner === undefined && !dryRun;
  const notes: UploadNotes | undefined = "notes" in from && isOwn ? from.notes : undefined;
  const pace = await livePace({
    timetable,
    windows: [],
    folder: () => Promise.resolve({ rate: undefined, paused: false }),
    now: () => new Date(),
  });
  const pusher = new Pusher({
    source: from.source,
    target,
    ...(notes && { notes }),
    settings: { connections, chunkSize, timeoutMs, maxRetries, retryForMs, dryRun },
    limit: new RateLimit(pace, systemClock),
    clock: systemClock,
  });
  return {
    async push(name, watcher) {
      emit = watcher;
      return await pusher.push(name, { emit: watcher, signal });
    },
    [Symbol.asyncDispose]() {
      pace[Symbol.dispose]();
      target[Symbol.dispose]();
      registry[Symbol.dispose]();
      mirrors[Symbol.dispose]();
      return Promise.resolve();
    },
  };
}

/** Registries, with mirrors before them, as the source of a push. */
function remoteSource(registry: RegistrySource, mirrors: Mirrors, emit: EmitPush): PushSource {
  const observer = observerOf(emit);
  const pulled: Emit = (event) => {
    if (isShown(event)) emit(event);
  };
  const all = withMirrors(registry.observedBy(observer), mirrors.observedBy(observer), pulled);
  return {
    isRemote: true,
    open: (...request) => all.open(...request),
    forgetAddress: (...what) => all.forgetAddress(...what),
    model: async (name, signal) => {
      const manifest = await all.manifest(name, signal);
      if (manifest.from && name.digest === undefined) {
        emit({ event: "warning", ...wordOf(manifest.from, name) });
      }
      return { name, manifest };
    },
  };
}

function isShown(
  event: PullEvent,
): event is Extract<PullEvent, { readonly event: "request" | "note" | "warning" }> {
  return ["request", "note", "warning"].includes(event.event);
}

function observerOf(emit: EmitPush) {
  return {
    onRequest: (note: RequestNote) => emit({ event: "request", ...note }),
    onNote: (message: string) => emit({ event: "note", message }),
    onWarning: (message: string, hint: string) => emit({ event: "warning", message, hint }),
  };
}
