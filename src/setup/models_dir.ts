/** Where models are stored. */

import { posix, win32 } from "node:path";
import { PullamaError } from "../core/errors.ts";

/** What decides it. */
export interface Place {
  /** As `Deno.build.os` says it. */
  readonly os: string;
  env(name: string): string | undefined;
}

/** The flag, else OLLAMA_MODELS, else the folder in the user's home. Throws `usage` if there is no home. */
export function modelsDir(flag: string | undefined, place: Place): string {
  const named = flag ?? modelsVariable(place);
  if (named !== undefined) return named;
  const home = place.env(place.os === "windows" ? "USERPROFILE" : "HOME") ?? "";
  if (home !== "") return pathsOf(place).join(home, ".ollama", "models");
  throw new PullamaError("usage", "cannot tell where models are stored: there is no home folder", {
    hint: "name the folder with --models-dir or OLLAMA_MODELS",
  });
}

/** As Ollama reads it: without white space and quotes around it, and "~" is a name like any other. */
export function modelsVariable(place: Place): string | undefined {
  const text = place.env("OLLAMA_MODELS")?.trim().replace(/^["']+|["']+$/g, "");
  return text === "" ? undefined : text;
}

/** The rules for paths on this system. */
export function pathsOf(place: Place): typeof posix {
  return place.os === "windows" ? win32 : posix;
}
