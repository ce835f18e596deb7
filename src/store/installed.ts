/** Which names the models folder holds. */

import type { ModelName } from "../core/name.ts";
import { isMissing, localFailure } from "../io/failure.ts";
import type { Paths } from "./paths.ts";

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

/** What stands at each of the four levels below manifests/, for names that go down to a tag. */
async function spellingsByPart(paths: Paths): Promise<readonly Set<string>[]> {
  const found = PARTS.map(() => new Set<string>());
  const walk = async (folder: string, above: readonly string[]): Promise<void> => {
    for (const entry of await entriesOf(folder)) {
      const parts = [...above, entry.name];
      if (parts.length < PARTS.length) {
        if (!entry.isFile) await walk(`${folder}/${entry.name}`, parts);
      } else if (!entry.isDirectory) parts.forEach((part, i) => found[i]!.add(part));
    }
  };
  await walk(paths.manifests, []);
  return found;
}

async function entriesOf(folder: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(folder));
  } catch (error) {
    // A link to a file is met here as well; a folder may vanish while the server tidies up.
    if (isMissing(error) || error instanceof Deno.errors.NotADirectory) return [];
    throw localFailure(error, "read", folder);
  }
}
