/** Checks whether a model fits on the disk, with the rule of a pull. */

import { resolve } from "node:path";
import type { Descriptor } from "../../core/manifest.ts";
import { formatSize } from "../../core/units.ts";
import { openFolder } from "../../store/store.ts";
import { requireSpace, spaceFor } from "../../transfer/space.ts";
import type { Finding } from "./run.ts";

/** How much of `blobs` has to be downloaded, and the free space. Throws `disk_full`. */
export async function checkSpace(
  blobs: readonly Descriptor[],
  modelsDir: string,
): Promise<Finding> {
  const folder = openFolder(resolve(modelsDir));
  const statuses = await folder.survey(blobs);
  const room = await folder.room();
  const space = spaceFor(statuses, room);
  const { toFetch, free } = space;
  if (toFetch === 0) return { found: ["nothing to download"] };
  requireSpace(space, statuses, room.largestFile);
  const part = toFetch < blobs.reduce((sum, { size }) => sum + size, 0) ? "still " : "";
  return {
    found: [
      `${formatSize(toFetch)} ${part}to download`,
      ...(free === undefined ? [] : [`${formatSize(free)} free`]),
    ],
  };
}
