/** Taking over a partial download from where it was before blobs/ was on another file system. */

import { guardData } from "../../../io/lock.ts";
import { lstatOf } from "../../../io/stat.ts";
import { blobPaths } from "../../layout/paths.ts";
import { readCheckpointFile } from "../checkpoint.ts";
import { readResume } from "../resume.ts";
import type { Adopter } from "./adopter.ts";
import { copyToPartial } from "./copy.ts";

/**
 * Copies what the checkpoint of the former partial file has to a new one, which nothing else writes to, unless an older
 * pullama is using the former one. Then removes that.
 */
export const adoptFormer: Adopter = async (tools, adoption) => {
  const { disk, paths, paths: { former }, boot } = tools;
  const { blob } = adoption;
  if (former === undefined) return undefined;
  const from = blobPaths({ ...paths, ...former }, blob.digest);
  if (!(await lstatOf(from.partial))?.isFile) return undefined;
  using guard = await guardData(from.partial);
  if (!guard) return undefined;
  const { claims } = await readResume(from, blob, boot, false);
  const checkpoint = await readCheckpointFile(from.checkpoint);
  await copyToPartial(tools, adoption, from.partial, claims, () => checkpoint);
  for (const path of [from.checkpoint, from.positions, from.partial]) await disk.remove(path);
  return "claimed";
};
