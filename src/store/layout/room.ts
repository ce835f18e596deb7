/** The room for blobs on the disk that they are downloaded to, which is the one that they stay on. */

import type { Room } from "../../core/content.ts";
import { folderOf } from "../../io/atomic.ts";
import { fileSystemOf, freeBytes } from "../../io/file_system.ts";
import type { Paths } from "./paths.ts";

/** What is known of it now. */
export function roomIn({ own }: Paths): Room {
  const folder = folderOf(own);
  return { free: freeBytes(folder), largestFile: fileSystemOf(folder)?.largestFile };
}
