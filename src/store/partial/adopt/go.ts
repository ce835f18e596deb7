/** Taking over a partial download of the Go program from blobs/, where a starting Ollama server would remove it. */

import { isLinkUnsupported, isMissing } from "../../../io/file_error.ts";
import { type Lock, tryLockExisting } from "../../../io/lock.ts";
import { lstatOf } from "../../../io/stat.ts";
import { encodeCheckpoint } from "../checkpoint.ts";
import { checkpointOf, readResume } from "../resume.ts";
import type { Adopter } from "./adopter.ts";
import { moveToPartial } from "./move.ts";

/**
 * Moves its partial file to ours, with what its checkpoint has and what is there beyond it, unless the Go program is
 * running and has it locked, or it is on another file system.
 */
export const adoptPartial: Adopter = async (tools, adoption) => {
  const { blob, at } = adoption;
  const file = await lstatOf(at.oldPartial);
  if (!file?.isFile) return false;
  using lock = await oldLock(at.oldLock);
  if (!lock) return false;
  const resume = await readResume({ ...at, partial: at.oldPartial }, blob, tools.boot, true);
  const checkpoint = encodeCheckpoint(blob, checkpointOf(resume), tools.tool);
  try {
    return await moveToPartial(tools, adoption, at.oldPartial, file, checkpoint);
  } catch (error) {
    if (!isLinkUnsupported(error)) throw error;
    // It would count for what is downloaded instead.
    await tools.disk.remove(at.checkpoint);
    return false;
  }
};

/** The lock of the Go program, which is never written to or made by us. */
async function oldLock(path: string): Promise<Lock | undefined> {
  try {
    return await tryLockExisting(path);
  } catch (error) {
    if (isMissing(error)) return { path, [Symbol.dispose]() {} };
    throw error;
  }
}
