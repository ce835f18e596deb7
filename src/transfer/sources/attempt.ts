/** One request to one of several sources, and what their failures mean together. */

import type { BlobBody, BlobSource, Source } from "../../core/content.ts";
import { asPullamaError, type Kind, type PullamaError, remedyOf } from "../../core/errors.ts";

/** The source could not be reached. Any response of it, also an error, is its word. */
const UNREACHABLE: readonly Kind[] = ["network", "timeout"];

export function isUnreachable(error: unknown): boolean {
  return UNREACHABLE.includes(asPullamaError(error).kind);
}

/** A mirror that redirects to addresses with a limited life is asked for a new one. */
export async function opened(
  source: Source,
  ...request: Parameters<BlobSource["open"]>
): Promise<BlobBody> {
  try {
    return await source.open(...request);
  } catch (error) {
    const [, , , signal] = request;
    if (signal.aborted || asPullamaError(error).kind !== "stale") throw error;
    return await source.open(...request);
  }
}

/** The failure after which another attempt may help most; undefined: there was none. */
export function mostHopeful(failures: readonly PullamaError[]): PullamaError | undefined {
  return failures.find(({ kind }) => remedyOf(kind) === "wait") ??
    failures.find(({ kind }) => kind !== "not_found") ?? failures.at(-1);
}
