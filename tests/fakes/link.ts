/** Symbolic links, which on Windows have to say what they lead to, and not everyone may make. */

import { resolve } from "node:path";
import { exists } from "./exists.ts";

/** Makes `path` a link to `target`, which need not exist; a relative one is below the folder of `path`. */
export function linkTo(target: string, path: string): void {
  Deno.symlinkSync(target, path, { type: isFolder(resolve(path, "..", target)) ? "dir" : "file" });
}

/** Whether links can be made here. */
export function canLink(): boolean {
  const folder = Deno.makeTempDirSync({ prefix: "pullama-link-" });
  try {
    linkTo(folder, `${folder}/link`);
    return exists(`${folder}/link`);
  } catch {
    return false;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
