/**
 * Pulls models of the Ollama registry, and of others like it, into a models folder that Ollama reads.
 * What was fetched is kept: a pull that was stopped, killed or cut off goes on where it was.
 *
 * ```ts
 * import { pull } from "@pullama/cli/pull";
 *
 * const summary = await pull("llama3.2", { onEvent: (event) => console.log(event.event) });
 * console.log(summary.digest, summary.fetched);
 * ```
 *
 * Nothing is printed and no signal is listened to. Failures are a {@linkcode PullamaError}.
 *
 * @module
 */

import { openEngine } from "./setup/engine.ts";
import { type LibraryOptions, pullOptionsFor } from "./setup/library.ts";
import { PullamaError } from "./core/errors.ts";
import type { Summary } from "./core/events.ts";
import { parseName } from "./core/name.ts";

export type { LibraryOptions } from "./setup/library.ts";
export type { Digest } from "./core/digest.ts";
export { type Kind, PullamaError, type PullamaErrorOptions } from "./core/errors.ts";
export type { BlobRef, DryRun, DryRunBlob, Emit, PullEvent, Summary } from "./core/events.ts";
export type { ModelName } from "./core/name.ts";
export type { Range } from "./core/ranges.ts";

/**
 * Pulls the model `name`, such as `llama3.2` or `hf.co/user/repository:Q4_K_M`. Resolves when it is stored;
 * rejects with a {@linkcode PullamaError} whose `kind` says what went wrong.
 */
export async function pull(name: string, options: LibraryOptions = {}): Promise<Summary> {
  const { signal, onEvent } = options;
  const soft = new AbortController();
  const stop = () =>
    soft.abort(new PullamaError("interrupted", "stopped by the caller", { cause: signal?.reason }));
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const parsed = parseName(name);
    const never = new AbortController().signal;
    await using engine = await openEngine(pullOptionsFor(options), {
      soft: soft.signal,
      hard: never,
    });
    const summary = await engine.pull(parsed, onEvent ?? (() => {}));
    if (!summary) throw new PullamaError("internal", "the pull ended without a result");
    return summary;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}
