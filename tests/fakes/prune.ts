/** Prunes the models folder like an Ollama server that starts. */

import { exists } from "./exists.ts";

/** Files in blobs/ that were modified less than this many milliseconds ago are kept. */
const GRACE_MS = 60 * 60 * 1000;

/** Sets the times of all files below `root` back by `hours`. */
export function age(root: string, hours: number): void {
  const then = new Date(Date.now() - hours * 60 * 60 * 1000);
  for (const path of filesBelow(root)) Deno.utimeSync(path, then, then);
}

/** Prunes like Ollama 0.21 and later. Returns the names removed from blobs/. */
export function prune(root: string): string[] {
  const blobs = `${root}/blobs`;
  for (const path of filesBelow(blobs)) {
    const name = path.slice(path.lastIndexOf("/") + 1);
    if (name.startsWith("sha256:")) Deno.renameSync(path, path.replace("sha256:", "sha256-"));
  }
  const used = usedBlobs(`${root}/manifests`);
  const removed: string[] = [];
  if (used) {
    for (const { name, isFile } of entries(blobs)) {
      const path = `${blobs}/${name}`;
      if (!isFile || Date.now() - Deno.statSync(path).mtime!.getTime() < GRACE_MS) continue;
      if (/^sha256-[0-9a-f]{64}$/.test(name) && used.has(name)) continue;
      Deno.removeSync(path);
      removed.push(name);
    }
  }
  removeEmpty(`${root}/manifests`);
  return removed;
}

/** Names of the blobs that manifests reference; undefined if a manifest cannot be read. */
function usedBlobs(manifests: string): Set<string> | undefined {
  const used = new Set<string>();
  for (const path of filesBelow(manifests)) {
    if (path.slice(manifests.length + 1).split("/").length !== 4) continue;
    try {
      const { config, layers } = JSON.parse(Deno.readTextFileSync(path));
      for (const { digest } of [config, ...layers]) used.add(digest.replace(":", "-"));
    } catch {
      return undefined;
    }
  }
  return used;
}

function removeEmpty(folder: string): void {
  for (const { name, isDirectory } of entries(folder)) {
    if (isDirectory) removeEmpty(`${folder}/${name}`);
  }
  if (exists(folder) && entries(folder).length === 0) Deno.removeSync(folder);
}

function filesBelow(folder: string): string[] {
  return entries(folder).flatMap(({ name, isDirectory }) =>
    isDirectory ? filesBelow(`${folder}/${name}`) : [`${folder}/${name}`]
  );
}

function entries(folder: string): Deno.DirEntry[] {
  return exists(folder) ? [...Deno.readDirSync(folder)] : [];
}
