/**
 * Whose files in a models folder are believed. Root may pull in the folder of a service, and a group may share one:
 * then another user may put anything there.
 */

import { PullamaError } from "../../core/errors.ts";
import { lstatOf } from "../../io/stat.ts";
import type { Paths } from "./paths.ts";

const WINDOWS = Deno.build.os === "windows";

/** This user, root, and the owner of the models folder `root`. */
export async function trustedUsers(root: string): Promise<ReadonlySet<number>> {
  const users = new Set([0]);
  if (WINDOWS) return users;
  users.add(Deno.uid() ?? 0);
  const owner = (await Deno.stat(root).catch(() => undefined))?.uid;
  if (owner !== undefined && owner !== null) users.add(owner);
  return users;
}

/** Whether `uid` is this user or root; on systems without users everyone is. */
export function isOwn(uid: number | null): boolean {
  return WINDOWS || uid === 0 || uid === Deno.uid();
}

/** Whether a file of the user `uid` is believed; on systems without users all are. */
export function isTrusted(uid: number | null, trusted: ReadonlySet<number>): boolean {
  return uid === null || trusted.has(uid);
}

/**
 * Rejects with kind local where a folder of ours is a link, which another user may have put there to lead us to
 * foreign files; or where `blobs` or `manifests` is a link that neither this user nor root has made.
 */
export async function requireOwnFolders(paths: Paths): Promise<void> {
  const { own, ready, temporary, bad, parts, intents, uploads, replaced, queueFolder } = paths;
  const folders = [own, ready, temporary, bad, parts, intents, uploads, replaced, queueFolder];
  for (const path of folders) {
    const info = await lstatOf(path);
    if (!info || info.isDirectory) continue;
    throw new PullamaError("local", `${path} exists and is not a directory`, {
      hint: "remove it: it is not from pullama, and another user may have made it",
    });
  }
  for (const path of [paths.blobs, paths.manifests]) {
    const info = await lstatOf(path);
    if (!info?.isSymlink || isOwn(info.uid)) continue;
    throw new PullamaError("local", `${path} is a link made by another user (${info.uid})`, {
      hint: "replace it with a link of your own, or run pullama as that user",
    });
  }
}
