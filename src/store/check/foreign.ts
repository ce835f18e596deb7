/** Files in `blobs` and the manifest trees whose names neither Ollama nor pullama gives. */

import type { Finding } from "../../core/reports/verify.ts";
import { isDenied } from "../../io/file_error.ts";
import type { Paths } from "../layout/paths.ts";
import { entriesOf, OWN_TREE } from "../manifests/files.ts";

/** Folders below a tree of manifests. */
const LEVELS = 4;
/** What desktops leave in folders that they show or copy. */
const OF_DESKTOPS = /^(\._.*|\.DS_Store|Thumbs\.db|desktop\.ini)$/;
/** How old versions of Ollama named blobs; their hex digits may be upper case. */
const OF_OLD_OLLAMA = /^sha256:[0-9a-f]{64}$/i;

/** Folders that cannot be read are left out: what is wrong with them shows elsewhere. */
export async function foreignNames(paths: Paths): Promise<Finding[]> {
  const found: Finding[] = [];
  const note = (path: string, reason: string) =>
    found.push({ kind: "foreign_name", path, models: [], reason });
  for (const { name } of await readableEntriesOf(paths.blobs)) {
    const path = `${paths.blobs}/${name}`;
    if (OF_DESKTOPS.test(name)) note(path, `${path} is not a blob: a desktop made it`);
    if (OF_OLD_OLLAMA.test(name)) {
      note(path, `${path} has a name from an old version of Ollama, and is not used`);
    }
  }
  const walk = async (folder: string, level: number): Promise<void> => {
    for (const { name, isDirectory } of await readableEntriesOf(folder)) {
      const path = `${folder}/${name}`;
      if (OF_DESKTOPS.test(name)) note(path, `${path} is not a manifest: a desktop made it`);
      else if (isDirectory && level < LEVELS) await walk(path, level + 1);
    }
  };
  for (const { name, isDirectory } of await readableEntriesOf(paths.root)) {
    if (isDirectory && name.startsWith(OWN_TREE)) await walk(`${paths.root}/${name}`, 1);
  }
  return found.sort((a, b) => a.path < b.path ? -1 : 1);
}

async function readableEntriesOf(folder: string): Promise<Deno.DirEntry[]> {
  try {
    return await entriesOf(folder);
  } catch (error) {
    if (isDenied(error)) return [];
    throw error;
  }
}
