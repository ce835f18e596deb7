/** How much room there is. */

import { statfsSync, type StatsFs } from "node:fs";

/**
 * What the system tells of the file system that `path` is on; the nearest existing parent is asked where it does not exist yet. Undefined
 * where the system does not tell.
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

/** Bytes that this user can still write below `path`. Undefined where nothing is kept at all, as in /proc. */
export function freeBytes(path: string): number | undefined {
  const volume = volumeOf(path);
  return volume && volume.blocks > 0 ? volume.bavail * volume.bsize : undefined;
}
