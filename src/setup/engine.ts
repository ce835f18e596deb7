/**
 * Puts the parts together, for the command line and for the library: here the compiler proves that registry
 * and models folder fit the engine.
 */

import { PullamaError } from "../core/errors.ts";
import type { Emit, Summary } from "../core/events.ts";
import { DEFAULT_HOST, displayName, type ModelName, refusedOnWindows } from "../core/name.ts";
import type { Stop } from "../core/stop.ts";
import { RegistrySource } from "../registry/source.ts";
import { proxiesIn } from "../registry/net/proxy.ts";
import { ModelsFolder } from "../store/store.ts";
import type { Source, Store } from "../core/content.ts";
import { pullModel } from "../transfer/pull.ts";
import { readCertificates } from "./certificates.ts";
import { identityIn } from "./identity.ts";
import type { PullOptions } from "./options.ts";
import { withoutProxyEnv } from "./deno_client_env.ts";
import { TOOL, userAgent } from "./version.ts";

/** What pulls: built once, used for one model after another. */
export interface Engine extends AsyncDisposable {
  /**
   * Emits everything from `pull_start` to `pull_completed`, `dry_run` or `pull_interrupted`, but never
   * `pull_failed`. Resolves with the summary, with nothing after a dry run; rejects when it failed, and
   * with kind `interrupted` after `pull_interrupted`.
   */
  pull(name: ModelName, emit: Emit): Promise<Summary | undefined>;
}

export type OpenEngine = (options: PullOptions, stop: Stop) => Promise<Engine>;

/** An engine for the models folder and the network that `options` describe. */
export async function openEngine(options: PullOptions, stop: Stop): Promise<Engine> {
  const env = (name: string) => Deno.env.get(name);
  const proxyFor = proxiesIn(env);
  const caCerts = await readCertificates(options);
  const store: Store = new ModelsFolder(options.modelsDir, { tool: TOOL });
  let emitNow: Emit = () => {};
  const http = new RegistrySource({
    userAgent: userAgent(env),
    insecure: options.insecure,
    chunkSize: options.chunkSize,
    caCerts,
    proxyFor,
    withoutProxyEnv,
    identity: identityIn(env),
    onRequest: (note) => emitNow({ event: "request", ...note }),
    onNote: (message) => emitNow({ event: "note", message }),
    onWarning: (message, hint) => emitNow({ event: "warning", message, hint }),
  });
  const source: Source = http;
  const windows = Deno.build.os === "windows";
  return {
    pull(name, emit) {
      const reason = windows ? refusedOnWindows(name) : undefined;
      if (reason !== undefined) {
        throw new PullamaError("invalid_name", reason, { hint: "pull it on another system" });
      }
      emitNow = emit;
      if (name.host.toLowerCase() === "ollama.com") emit({ event: "warning", ...otherName(name) });
      const settings = {
        ...options,
        retryForMs: options.retryForMs ?? 0,
        // Writing at several places of one file makes NTFS fill the gaps with zeros first.
        perBlob: windows ? 1 : options.connections,
      };
      return pullModel(name, { source, store, settings, stop, emit });
    },
    [Symbol.asyncDispose]() {
      http[Symbol.dispose]();
      return Promise.resolve();
    },
  };
}

/** A pasted address of a page works, but under a name that is not the usual one. */
function otherName(name: ModelName): { readonly message: string; readonly hint: string } {
  return {
    message: `Ollama will list this model as ${displayName(name)}`,
    hint: `for the usual name write ${displayName({ ...name, host: DEFAULT_HOST })}`,
  };
}
