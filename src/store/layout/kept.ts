/** What is on disk of a blob that is not finished, or waits for the rest of its model. */

import type { Digest } from "../../core/digest.ts";
import { statOf } from "../../io/stat.ts";
import { blobPaths, type Paths } from "./paths.ts";

export interface KeptBlob {
  readonly bytes: number;
  readonly modifiedMs: number;
  /** It waits in ready/. */
  readonly isWhole: boolean;
}

/** Undefined: nothing. Rejects with kind local. */
export async function keptOf(paths: Paths, digest: Digest): Promise<KeptBlob | undefined> {
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
