/** The room for a model on the disk of a models folder, and on a second one for its blobs. */

import type { Room } from "../../core/content.ts";
import { fileSystemOf } from "../../io/file_system.ts";
import { freeBytes } from "../../io/space.ts";
import { statOf } from "../../io/stat.ts";
import type { Paths } from "./paths.ts";

/** What is known of it now. Rejects with kind local where the folder cannot be read. */
export async function roomIn({ root, blobs }: Paths): Promise<Room> {
  const [folder, others] = await Promise.all([statOf(root), statOf(blobs)]);
  const apart = folder && others && folder.dev !== others.dev;
  const disks = apart ? [root, blobs] : [root];
  const largest = disks.map((path) => fileSystemOf(path)?.largestFile)
    .filter((size) => size !== undefined);
  return {
    free: freeBytes(root),
    largestFile: largest.length === 0 ? undefined : Math.min(...largest),
    freeForBlobs: apart ? freeBytes(blobs) : undefined,
  };
}
