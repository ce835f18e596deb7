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

import { openEngine } from "./cli/wire.ts";
import { pullOptionsFor } from "./cli/library.ts";
import { PullamaError } from "./core/errors.ts";
import type { PullEvent, Summary } from "./core/events.ts";
import { parseName } from "./core/name.ts";

export type { Digest } from "./core/digest.ts";
export { type Kind, PullamaError, type PullamaErrorOptions } from "./core/errors.ts";
export type { BlobRef, DryRun, DryRunBlob, Emit, PullEvent, Summary } from "./core/events.ts";
export type { ModelName } from "./core/name.ts";
export type { Range } from "./core/ranges.ts";

/** How a pull is done. Everything may be left out. */
export interface LibraryOptions {
  /** The models folder; default `OLLAMA_MODELS`, else `.ollama/models` in the user's home. */
  readonly modelsDir?: string;
  /** Plain http to the registry. */
  readonly insecure?: boolean;
  /** Parallel connections, 1 to 64; default 4. */
  readonly connections?: number;
  /** Bytes of a chunk where the registry gives none; default 64 MiB. */
  readonly chunkSize?: number;
  /** Transient failures in a row that are forgiven; default 6. */
  readonly maxRetries?: number;
  /** How long to go on beyond that while the line is gone, in milliseconds; may be `Infinity`; default 0. */
  readonly retryForMs?: number;
  /** Longest one attempt at a chunk may take, in milliseconds; default 30 minutes. */
  readonly timeoutMs?: number;
  /** Bytes a second over all connections; default unlimited. */
  readonly limitRate?: number;
  /** A file with certificates to trust besides the built-in ones. */
  readonly caCert?: string;
  /** Pull although the disk seems too small. */
  readonly force?: boolean;
  /**
   * Stops the pull: what has arrived is brought to disk, then it rejects with kind `interrupted`.
   */
  readonly signal?: AbortSignal;
  /** Hears what happens. It is called in the middle of the work: it should be quick and not throw. */
  readonly onEvent?: (event: PullEvent) => void;
}

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
