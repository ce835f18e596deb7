/** Where models are stored. */

import { posix, win32 } from "node:path";
import { PullamaError } from "../core/errors.ts";

/** What determines it. */
export interface Place {
  /** A value of `Deno.build.os`. */
  readonly os: string;
  env(name: string): string | undefined;
}

/** The flag, otherwise OLLAMA_MODELS, otherwise the folder in the user's home. Throws `usage` without a home. */
export function modelsDir(flag: string | undefined, place: Place): string {
  const named = flag ?? modelsVariable(place);
  if (named !== undefined) return named;
  const home = place.env(place.os === "windows" ? "USERPROFILE" : "HOME") ?? "";
  if (home !== "") return pathsOf(place).join(home, ".ollama", "models");
  throw new PullamaError("usage", "cannot determine the models folder: no home folder", {
    hint: "set --models-dir or OLLAMA_MODELS",
  });
}

/** As Ollama reads it: without surrounding white space and quotes, and without expanding "~". */
export function modelsVariable(place: Place): string | undefined {
  const text = place.env("OLLAMA_MODELS")?.trim().replace(/^["']+|["']+$/g, "");
  return text === "" ? undefined : text;
}

/** The path functions of this system. */
export function pathsOf(place: Place): typeof posix {
  return place.os === "windows" ? win32 : posix;
}
