/**
 * Downloads models from the Ollama registry, and from others like it, into Ollama's models folder.
 * What was downloaded is kept: a pull that was stopped, killed or disconnected resumes where it was.
 *
 * ```ts
 * import { pull } from "@pullama/cli/pull";
 *
 * const summary = await pull("llama3.2");
 * console.log(`${summary.digest}: ${summary.size} bytes, ${summary.fetched} of them downloaded now`);
 * ```
 *
 * It prints nothing, handles no signals and does not exit the process. `onEvent` receives what happens, a
 * `signal` stops the pull in order, and a failure is a {@linkcode PullamaError} with a `kind` for programs:
 *
 * ```ts
 * import { pull, PullamaError } from "@pullama/cli/pull";
 *
 * let done = 0;
 * try {
 *   await pull("llama3.2", {
 *     retryForMs: Infinity,
 *     limitRate: 20_000_000,
 *     signal: AbortSignal.timeout(8 * 3_600_000),
 *     onEvent(event) {
 *       if (event.event === "bytes") done += event.count;
 *       if (event.event === "bytes_lost") done -= event.count;
 *       if (event.event === "retry") console.log(`retry in ${event.waitMs} ms: ${event.error.message}`);
 *     },
 *   });
 * } catch (error) {
 *   if (!(error instanceof PullamaError)) throw error;
 *   if (error.kind === "interrupted") console.log(`${done} bytes more than before; call it again to resume`);
 *   else console.error(error.message, error.hint ?? "");
 * }
 * ```
 *
 * It needs the permissions `--allow-net --allow-read --allow-write --allow-env` and
 * `--allow-sys=statfs,osUptime,hostname,systemMemoryInfo,uid,networkInterfaces`. Data is streamed from the network to the disk, so the size of a
 * model does not matter.
 *
 * @module
 */

import { openEngine } from "./setup/engine.ts";
import { type LibraryOptions, pullOptionsFor } from "./setup/library.ts";
import { PullamaError } from "./core/errors.ts";
import type { Summary } from "./core/events.ts";
import { onAbort } from "./io/abort.ts";
import { parsePinned } from "./core/name.ts";

export type { LibraryOptions } from "./setup/library.ts";
export type { Digest } from "./core/digest.ts";
export { type Kind, PullamaError, type PullamaErrorOptions } from "./core/errors.ts";
export type {
  BlobRef,
  DryRun,
  DryRunBlob,
  Emit,
  PaceState,
  PullEvent,
  Summary,
} from "./core/events.ts";
export type { ModelName } from "./core/name.ts";
export type { Range } from "./core/ranges.ts";

/**
 * Pulls the model `name`, such as `llama3.2` or `hf.co/user/repository:Q4_K_M`; with `@sha256:…` at the end exactly the manifest of
 * this digest. Resolves when it is stored and verified; rejects with a {@linkcode PullamaError} whose `kind` says what
 * went wrong. Several pulls may run at the same time, also of the same model, and also in several processes.
 */
export async function pull(name: string, options: LibraryOptions = {}): Promise<Summary> {
  const { signal, onEvent } = options;
  const soft = new AbortController();
  using _listener = signal && onAbort(signal, () => {
    const options = { cause: signal.reason };
    soft.abort(new PullamaError("interrupted", "stopped by the caller", options));
  });
  const parsed = parsePinned(name);
  const never = new AbortController().signal;
  await using engine = await openEngine(pullOptionsFor(options), {
    soft: soft.signal,
    hard: never,
  });
  const summary = await engine.pull(parsed, onEvent ?? (() => {}));
  if (!summary) throw new PullamaError("internal", "the pull ended without a result");
  return summary;
}
