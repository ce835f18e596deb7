/** Free disk space. */

import { statfsSync, type StatsFs } from "node:fs";

/**
 * The statistics of the file system of `path`, or of its nearest existing parent. Undefined if they
 * are not available.
 */
export function volumeOf(path: string): StatsFs | undefined {
  for (let at = path;;) {
    try {
      return statfsSync(at);
    } catch (error) {
      const parent = /[\\/]/.test(at) ? at.replace(/[\\/]+[^\\/]*$/, "") || "/" : ".";
      if ((error as { code?: string }).code !== "ENOENT" || parent === at) return undefined;
      at = parent;
    }
  }
}

/**
 * Free bytes for this user at `path`. Undefined if unknown, and for file systems without blocks,
 * such as /proc.
 */
export function freeBytes(path: string): number | undefined {
  const volume = volumeOf(path);
  return volume && volume.blocks > 0 ? volume.bavail * volume.bsize : undefined;
}
