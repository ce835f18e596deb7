/** Taking over what is right of a blob that turned out to be damaged, so that only its damaged parts are downloaded. */

import { lstatOf, namesIn } from "../../../io/stat.ts";
import { readParts } from "../../layout/parts.ts";
import { blobFile } from "../../layout/paths.ts";
import { EMPTY_CHECKPOINT, encodeCheckpoint } from "../checkpoint.ts";
import type { Adopter } from "./adopter.ts";
import { copyToPartial } from "./copy.ts";

const MIB = 1024 * 1024;

/**
 * Copies a damaged file of the blob in bad/ to a partial file with a checkpoint that says what its parts must be, and
 * removes it. Copies, since other names of the file, and a server that has it open, must not see the repair. Does nothing
 * where nothing would tell which bytes are right.
 */
export const adoptDamaged: Adopter = async (tools, adoption) => {
  const { disk, paths } = tools;
  const { blob, at } = adoption;
  const damaged = await largestIn(paths.bad, `${blobFile(blob.digest)}-`);
  if (!damaged || damaged.size < MIB) return false;
  const parts = await readParts(at.parts, blob);
  const length = Math.min(damaged.size, blob.size);
  if (length === blob.size && parts.length === 0) return false;
  const prefix = [...parts, { end: blob.size, digest: blob.digest }];
  await copyToPartial(
    tools,
    adoption,
    damaged.path,
    [{ start: 0, end: length }],
    (holes) => encodeCheckpoint(blob, { ...EMPTY_CHECKPOINT, prefix, holes }, tools.tool),
  );
  await disk.remove(damaged.path);
  return true;
};

/** The largest regular file in `folder` whose name begins with `start`. */
async function largestIn(
  folder: string,
  start: string,
): Promise<{ readonly path: string; readonly size: number } | undefined> {
  let largest: { path: string; size: number } | undefined;
  for (const name of await namesIn(folder)) {
    if (!name.startsWith(start)) continue;
    const path = `${folder}/${name}`;
    const file = await lstatOf(path);
    if (file?.isFile && file.size > (largest?.size ?? 0)) largest = { path, size: file.size };
  }
  return largest;
}
