/** Blobs that are read into memory: configs, templates, licences. */

import type { Descriptor } from "../../core/manifest.ts";
import { readSmallFile } from "../../io/guarded.ts";
import { statOf } from "../../io/stat.ts";
import { blobPaths, type Paths } from "../layout/paths.ts";

/** The longest licences are about 30 kB. */
const MAX_BYTES = 2 ** 20;

/**
 * The bytes of the blob, not verified; undefined if it is missing, not a regular file, or larger
 * than 1 MiB. Rejects with kind `local` if it cannot be read.
 */
export async function readSmallBlob(
  paths: Paths,
  { digest }: Descriptor,
): Promise<Uint8Array | undefined> {
  const path = blobPaths(paths, digest).final;
  const info = await statOf(path);
  if (!info?.isFile || info.size > MAX_BYTES) return undefined;
  return (await readSmallFile(path, MAX_BYTES, { follow: true }))?.bytes;
}
