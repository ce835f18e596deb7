/** Looking at what a path names. */

import { fileError, isMissing } from "./file_error.ts";

/** What is at `path`, through links; undefined: nothing. Rejects with kind local where that cannot be known. */
export async function statOf(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw fileError(error, "read", path);
  }
}

/** The names in a folder; none where there is no folder. Rejects with kind local where it cannot be read. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  } catch (error) {
    if (isMissing(error)) return [];
    throw fileError(error, "read", folder);
  }
}
