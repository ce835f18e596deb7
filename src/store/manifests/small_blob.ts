/** Blobs that are read as a whole: configurations, templates, licences. */

import type { Descriptor } from "../../core/manifest.ts";
import { fileError } from "../../io/file_error.ts";
import { statOf } from "../../io/stat.ts";
import { blobPaths, type Paths } from "../layout/paths.ts";

/** Licences of some models have 30 kB; nothing that is read as a whole has a reason to be larger. */
const MAX_BYTES = 2 ** 20;

/**
 * The bytes of the blob, as they are: undefined where it is missing, no file, or larger than 1 MiB.
 * Rejects with kind local where it cannot be read.
 */
export async function readSmallBlob(
  paths: Paths,
  { digest }: Descriptor,
): Promise<Uint8Array | undefined> {
  const path = blobPaths(paths, digest).final;
  const info = await statOf(path);
  if (!info?.isFile || info.size > MAX_BYTES) return undefined;
  try {
    return await Deno.readFile(path);
  } catch (error) {
    throw fileError(error, "read", path);
  }
}
