/** Whether a model can be stored here under its name: not every name is a folder on Windows. */

import { PullamaError } from "../core/errors.ts";
import type { ModelName } from "../core/name.ts";
import { refusedOnWindows } from "../core/name_rules.ts";

/** Throws `invalid_name` where the name has a part that cannot be a folder; `otherwise` is what to do instead. */
export function requireStorable(name: ModelName, otherwise?: string): void {
  const reason = Deno.build.os === "windows" ? refusedOnWindows(name) : undefined;
  if (reason === undefined) return;
  const hint = otherwise ?? "store it on another system, where Ollama has such names too";
  throw new PullamaError("invalid_name", reason, { hint });
}
