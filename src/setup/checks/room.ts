/** Whether a model fits into the models folder. */

import { resolve } from "node:path";
import { PullamaError } from "../../core/errors.ts";
import type { Descriptor } from "../../core/manifest.ts";
import { formatSize } from "../../core/units.ts";
import { fileSystemOf } from "../../io/file_system.ts";
import { ModelsFolder } from "../../store/store.ts";
import { FREE_MARGIN } from "../../transfer/space.ts";
import type { Finding } from "./run.ts";

/** In words how much of `blobs` is missing and how much room there is. Throws `disk_full`. */
export async function spaceFor(blobs: readonly Descriptor[], modelsDir: string): Promise<Finding> {
  const path = resolve(modelsDir);
  const folder = new ModelsFolder(path, { tool: "" });
  const statuses = await folder.survey(blobs);
  const missing = statuses.filter(({ state }) => state === "missing");
  const toFetch = missing.reduce((sum, { blob, kept }) => sum + blob.size - kept, 0);
  if (toFetch === 0) return { found: ["all of it is here"] };
  const system = fileSystemOf(path);
  const { largestFile = Infinity } = system ?? {};
  const tooLarge = missing.find(({ blob }) => blob.size > largestFile);
  if (tooLarge) {
    const size = formatSize(tooLarge.blob.size);
    const message = `${system?.name} takes no file of ${size}, which a blob of the model has`;
    throw new PullamaError("disk_full", message, {
      hint: "choose a folder on another file system with --models-dir",
    });
  }
  const free = folder.free();
  if (free !== undefined && toFetch + FREE_MARGIN > free) {
    const needed = `${formatSize(toFetch)} and ${formatSize(FREE_MARGIN)} to spare are needed`;
    const lacking = formatSize(toFetch + FREE_MARGIN - free);
    throw new PullamaError(
      "disk_full",
      `${needed}, ${formatSize(free)} are free: ${lacking} are missing`,
      {
        hint:
          "free some space, see what pullama clean --dry-run finds, or choose another --models-dir",
      },
    );
  }
  const part = toFetch < blobs.reduce((sum, { size }) => sum + size, 0) ? "still " : "";
  return {
    found: [
      `${formatSize(toFetch)} ${part}to fetch`,
      ...(free === undefined ? [] : [`${formatSize(free)} free`]),
    ],
  };
}
