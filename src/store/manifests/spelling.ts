/** Which names the models folder holds. */

import type { ModelName } from "../../core/name.ts";
import { manifestFiles, OWN_TREE } from "./files.ts";
import type { Paths } from "../layout/paths.ts";

const PARTS = ["host", "namespace", "model", "tag"] as const;

/**
 * The name under which to store `name`. Ollama compares each part with that part of every installed name,
 * ignoring case, and two spellings of one part anywhere make it find neither for sure. So a part that is
 * installed in this spelling keeps it, else takes an installed spelling, else stays as it was typed.
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

/** What stands at each of the four levels below manifests/. */
async function spellingsByPart(paths: Paths): Promise<readonly Set<string>[]> {
  const found = PARTS.map(() => new Set<string>());
  for (const { tree, name } of await manifestFiles(paths)) {
    if (tree === OWN_TREE && name) PARTS.forEach((part, i) => found[i]!.add(name[part]));
  }
  return found;
}
