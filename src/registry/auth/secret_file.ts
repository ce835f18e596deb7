/** Files with secrets of the user: keys and passwords. */

import { readSmallFile } from "../../io/guarded.ts";

const MAX_BYTES = 1 << 20;

/** The content of a file; undefined if there is none. Rejects with kind local if it cannot be read. */
export type ReadSecret = (path: string) => Promise<Uint8Array | undefined>;

/** Reads it now. Users keep such files behind links. */
export const readSecret: ReadSecret = async (path) =>
  (await readSmallFile(path, MAX_BYTES, { follow: true }))?.bytes;

/** Reads `paths` now, before this process loses the right to: what comes of it is repeated later. */
export async function keptSecrets(paths: readonly string[]): Promise<ReadSecret> {
  const kept = new Map(paths.map((path) => [path, readSecret(path)]));
  await Promise.allSettled(kept.values());
  return (path) => kept.get(path) ?? readSecret(path);
}
