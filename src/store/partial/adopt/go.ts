/** Taking over a partial download of the Go program from blobs/, where a starting Ollama server would remove it. */

import { isLinkUnsupported, isMissing } from "../../../io/file_error.ts";
import { type Lock, tryLockExisting } from "../../../io/lock.ts";
import { exists } from "../../../io/stat.ts";
import type { Adopter } from "./adopter.ts";

/** Moves its partial file to ours, unless the Go program is running and has it locked, or it is on another file system. */
export const adoptPartial: Adopter = async ({ disk, ownership }, { at }) => {
  if (!await exists(at.oldPartial)) return undefined;
  using lock = await oldLock(at.oldLock);
  if (!lock) return undefined;
  try {
    await disk.rename(at.oldPartial, at.partial);
  } catch (error) {
    if (isLinkUnsupported(error) || isMissing(error)) return undefined;
    throw error;
  }
  await disk.own(at.partial, ownership);
  return "in order";
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
