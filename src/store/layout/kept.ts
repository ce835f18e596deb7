/** What is on disk of blobs that are not finished, or wait for the rest of their model. */

import type { Digest } from "../../core/digest.ts";
import { namesIn, statOf } from "../../io/stat.ts";
import { blobFile, blobPaths, type Paths } from "./paths.ts";

export interface KeptBlob {
  readonly bytes: number;
  readonly modifiedMs: number;
  /** It waits in ready/. */
  readonly isWhole: boolean;
}

/** Those of `digests` of which there is something. Rejects with kind local. */
export async function keptBlobs(
  paths: Paths,
  digests: Iterable<Digest>,
): Promise<ReadonlyMap<Digest, KeptBlob>> {
  // Of 20,000 there are mostly few.
  const names = [...await namesIn(paths.own), ...await namesIn(paths.ready)];
  const there = new Set(names.map((name) => name.split(".", 1)[0]));
  const kept = new Map<Digest, KeptBlob>();
  for (const digest of digests) {
    const blob = there.has(blobFile(digest)) ? await keptBlob(paths, digest) : undefined;
    if (blob) kept.set(digest, blob);
  }
  return kept;
}

async function keptBlob(paths: Paths, digest: Digest): Promise<KeptBlob | undefined> {
  const { ready, partial } = blobPaths(paths, digest);
  const whole = await statOf(ready);
  const file = whole ?? await statOf(partial);
  if (!file?.isFile) return undefined;
  // A partial file has gaps.
  const blocks = whole || file.blocks === null ? Infinity : file.blocks * 512;
  return {
    bytes: Math.min(file.size, blocks),
    modifiedMs: file.mtime?.getTime() ?? 0,
    isWhole: whole !== undefined,
  };
}
