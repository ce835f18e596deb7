/** Taking over a partial download from where it was before blobs/ was on another file system. */

import { guardData } from "../../../io/lock.ts";
import { lstatOf } from "../../../io/stat.ts";
import { blobPaths } from "../../layout/paths.ts";
import { encodeCheckpoint } from "../checkpoint.ts";
import { checkpointOf, readResume } from "../resume.ts";
import type { Adopter } from "./adopter.ts";
import { copyToPartial } from "./copy.ts";

/**
 * Copies what the checkpoint and the positions of the former partial file have to a new one, which nothing else writes to,
 * unless an older pullama is using the former one. Then removes that.
 */
export const adoptFormer: Adopter = async (tools, adoption) => {
  const { disk, paths, paths: { former }, boot } = tools;
  const { blob } = adoption;
  if (former === undefined) return false;
  const from = blobPaths({ ...paths, ...former }, blob.digest);
  if (!(await lstatOf(from.partial))?.isFile) return false;
  using guard = await guardData(from.partial);
  if (!guard) return false;
  const resume = await readResume(from, blob, boot, false);
  const { claims } = resume;
  if (claims.length > 0) {
    await copyToPartial(
      tools,
      adoption,
      from.partial,
      claims,
      (holes) => encodeCheckpoint(blob, checkpointOf(resume, holes), tools.tool),
    );
  }
  for (const path of [from.checkpoint, from.positions, from.partial]) await disk.remove(path);
  return claims.length > 0;
};
