/** Adapts the spelling of a name to that of the installed models. */

import type { ModelName } from "../../core/name.ts";
import { manifestFiles, OWN_TREE } from "./files.ts";
import type { Paths } from "../layout/paths.ts";

const PARTS = ["host", "namespace", "model", "tag"] as const;

/**
 * The spelling under which to store `name`. Ollama compares each part with the same part of all
 * installed names, ignoring case, and with two spellings of a part it does not find either of them
 * reliably. So a part that is installed with this spelling keeps it, otherwise takes an installed
 * spelling, otherwise stays as typed.
 */
export async function installedSpelling(paths: Paths, name: ModelName): Promise<ModelName> {
  const spellings = await spellingsByPart(paths);
  const spelled = { ...name };
  PARTS.forEach((part, i) => {
    const known = spellings[i]!;
    const typed = name[part];
    if (known.has(typed)) return;
    const same = [...known].sort().find((other) => other.toLowerCase() === typed.toLowerCase());
    if (same !== undefined) spelled[part] = same;
  });
  return spelled;
}

/** The names at each of the four levels below manifests/. */
async function spellingsByPart(paths: Paths): Promise<readonly Set<string>[]> {
  const found = PARTS.map(() => new Set<string>());
  for (const { tree, name } of await manifestFiles(paths)) {
    if (tree === OWN_TREE && name) PARTS.forEach((part, i) => found[i]!.add(name[part]));
  }
  return found;
}
