/** What a path names. */

import { fileError, isMissing } from "./file_error.ts";

/** What is at `path`, through links; undefined: nothing. Rejects with kind local where that cannot be known. */
export function statOf(path: string): Promise<Deno.FileInfo | undefined> {
  return found(path, Deno.stat(path));
}

/** The same for `path` itself, were it a link. */
export function lstatOf(path: string): Promise<Deno.FileInfo | undefined> {
  return found(path, Deno.lstat(path));
}

/** Whether `path` names anything, even a link to nothing. Rejects with kind local where that cannot be known. */
export async function exists(path: string): Promise<boolean> {
  return await lstatOf(path) !== undefined;
}

/** Whether `path` is a directory, through links. */
export async function isDirectory(path: string): Promise<boolean> {
  return (await statOf(path))?.isDirectory ?? false;
}

/** Whether both paths are names of one file; false where one is missing, or the file system has no numbers for files. */
export async function isOneFile(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([lstatOf(one), lstatOf(other)]);
  // 0 is a number that all files have.
  return !!a?.ino && a.ino === b?.ino && a.dev === b.dev;
}

/** The names in a directory; none where there is none. Rejects with kind local where it cannot be read. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  } catch (error) {
    if (isMissing(error)) return [];
    throw fileError(error, "read", folder);
  }
}

async function found(
  path: string,
  info: Promise<Deno.FileInfo>,
): Promise<Deno.FileInfo | undefined> {
  try {
    return await info;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw fileError(error, "read", path);
  }
}
