/** How models are read from a disk: as they are pulled, from a source that is near. */

import type { PullSettings } from "../../transfer/pull.ts";
import { memoryWindow } from "../memory.ts";

/** One at a time, in order: disks are fastest that way. */
const CONNECTIONS = 1;
const CHUNK = 64 * 1024 * 1024;
/** A disk does not recover as a network does. */
const RETRIES = 2;
const TIMEOUT_MS = 30 * 60_000;

/** Those of a pull from a folder or an archive. */
export function localSettings(own: Pick<PullSettings, "force" | "dryRun">): PullSettings {
  return {
    connections: CONNECTIONS,
    perBlob: CONNECTIONS,
    chunkSize: CHUNK,
    window: memoryWindow(),
    maxRetries: RETRIES,
    retryForMs: 0,
    timeoutMs: TIMEOUT_MS,
    ...own,
  };
}
