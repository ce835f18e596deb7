/** Removing finished blobs. */

import type { Digest } from "../../core/digest.ts";
import type { Folder } from "../layout/folder.ts";
import { neededBlobs } from "../layout/intents.ts";
import { blobPaths, type Paths } from "../layout/paths.ts";
import { type UnfinishedFile, unfinishedFile } from "../layout/unfinished.ts";
import type { Ledger } from "../layout/verified.ts";
import { manifestReferences } from "../manifests/references.ts";

/** The file in blobs/, and the bytes that its removal frees; undefined: there is none. */
export async function finishedFile(
  paths: Paths,
  digest: Digest,
): Promise<UnfinishedFile | undefined> {
  const file = await unfinishedFile(blobPaths(paths, digest).final);
  return file?.isFolder ? undefined : file;
}

/** Removes a blob, which no manifest may use. Returns the bytes that were freed; undefined: it is not there. */
export async function removeBlob(
  { disk, paths }: Folder,
  digest: Digest,
  ledger: Ledger,
): Promise<number | undefined> {
  const file = await finishedFile(paths, digest);
  if (!file) return undefined;
  await disk.remove(file.path);
  await disk.remove(blobPaths(paths, digest).parts);
  ledger.forget(digest);
  return file.bytes;
}

/** All blobs that a manifest uses or an unfinished pull needs. Rejects with the kinds of `manifestReferences`. */
export async function usedBlobs(paths: Paths): Promise<ReadonlySet<Digest>> {
  return union(await manifestReferences(paths)).union(await neededBlobs(paths));
}

/** The digests in all of `sets`. */
export function union(sets: readonly { readonly digests: ReadonlySet<Digest> }[]): Set<Digest> {
  return new Set(sets.flatMap(({ digests }) => [...digests]));
}
