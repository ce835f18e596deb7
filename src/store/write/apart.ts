/** Whether two models folders have nothing in common: otherwise a model that is moved could lose its only copy. */

import { PullamaError } from "../../core/errors.ts";
import type { Descriptor } from "../../core/manifest.ts";
import { folderOf } from "../../io/atomic.ts";
import { isMissing } from "../../io/file_error.ts";
import { lstatOf } from "../../io/stat.ts";
import { isSame } from "../layout/identity.ts";
import { blobPaths, type Paths } from "../layout/paths.ts";
import { SERVED_TREES } from "../manifests/files.ts";

/** Rejects with kind `usage` where `to` is `from` or in it, or shares its blobs or manifests. */
export async function requireApart(from: Paths, to: Paths): Promise<void> {
  if (await isSameFile(from.root, to.root)) throw notApart(to, "it is the same models folder");
  if (await isInside(to.root, from.root)) {
    throw notApart(to, `it is in the models folder ${from.root}`);
  }
  const trees = ({ root }: Paths) => SERVED_TREES.map((tree) => `${root}/${tree}`);
  const [theirs, ours] = [[from.blobs, ...trees(from)], [to.blobs, ...trees(to)]];
  for (const [i, path] of ours.entries()) {
    if (!await isSameFile(theirs[i]!, path)) continue;
    throw notApart(to, `it has the same directory ${path.slice(to.root.length + 1)}`);
  }
}

/** Rejects with kind `usage` where a blob in `to` is a link to that in `from`: there is one copy only. */
export async function requireNoLinks(
  from: Paths,
  to: Paths,
  blobs: readonly Descriptor[],
): Promise<void> {
  for (const { digest } of blobs) {
    const [theirs, ours] = [from, to].map((paths) => blobPaths(paths, digest).final);
    const named = await lstatOf(ours!).catch(() => undefined);
    if (!named?.isSymlink || !await isSameFile(theirs!, ours!)) continue;
    throw new PullamaError("usage", `${ours} is a link to the same file in ${from.root}`, {
      hint: "remove the link: then the blob is copied",
    });
  }
}

function notApart({ root }: Paths, why: string): PullamaError {
  return new PullamaError("usage", `cannot copy to ${root}: ${why}`, {
    hint: "name a folder that shares nothing with this one",
  });
}

/** By what they are, not by their paths: one may lead to the other by a link or a mount. */
async function isSameFile(a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all(
    [a, b].map((path) => Deno.stat(path).catch(() => undefined)),
  );
  if (!one || !other) return false;
  if (one.ino) return isSame(one, other);
  // Where the system has no numbers for files it ignores case.
  const [first, second] = await Promise.all([a, b].map((path) => Deno.realPath(path)));
  return first!.toLowerCase() === second!.toLowerCase();
}

/** Whether `path`, which need not exist, is below `folder`. */
async function isInside(path: string, folder: string): Promise<boolean> {
  let at = await existing(path);
  for (let above = folderOf(at); !await isSameFile(at, folder); above = folderOf(at)) {
    if (above === at) return false;
    at = above;
  }
  return true;
}

/** The nearest parent of `path` that exists, or itself, without links. */
async function existing(path: string): Promise<string> {
  for (let at = path;; at = folderOf(at)) {
    try {
      // "C:" alone is the working directory on that drive.
      return await Deno.realPath(/^[a-z]:$/i.test(at) ? `${at}/` : at);
    } catch (error) {
      if (!isMissing(error) || folderOf(at) === at) return at;
    }
  }
}
