/** Environment variables. */

import { PullamaError } from "../core/errors.ts";

/** The value of a variable, if it is set. Throws `usage` if it is not UTF-8. */
export function variable(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch (cause) {
    throw new PullamaError("usage", `the environment variable ${name} is not valid UTF-8`, {
      cause,
      hint: name === "HOME"
        ? "set --models-dir or OLLAMA_MODELS to a path in UTF-8"
        : `unset ${name}, or set it to a value in UTF-8`,
    });
  }
}

/** The user's home for files that are optional: undefined if it is not set, or not UTF-8. */
export function homeIn(env: (name: string) => string | undefined): string | undefined {
  try {
    return env(Deno.build.os === "windows" ? "USERPROFILE" : "HOME") || undefined;
  } catch {
    return undefined;
  }
}
