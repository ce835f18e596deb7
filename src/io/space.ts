/** How much room there is. */

import { statfsSync } from "node:fs";

/**
 * Bytes that this user can still write below `path`; the nearest existing parent is asked where it does
 * not exist yet. Undefined where the system does not tell.
 */
export function freeBytes(path: string): number | undefined {
  for (let at = path;;) {
    try {
      const { bavail, bsize } = statfsSync(at);
      return bavail * bsize;
    } catch (error) {
      const parent = /[\\/]/.test(at) ? at.replace(/[\\/]+[^\\/]*$/, "") || "/" : ".";
      if ((error as { code?: string }).code !== "ENOENT" || parent === at) return undefined;
      at = parent;
    }
  }
}
