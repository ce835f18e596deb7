/** Whether a lock is held, for those who only look: nothing is made or written, and reading is mostly enough. */

import { isDenied, isLockUnsupported, isMissing, isReadOnly } from "./file_error.ts";
import { openForReading, openOwnFile } from "./guarded.ts";
import { isHeartbeatHeld } from "./heartbeat_lock.ts";
import { tryNow } from "./system/try_lock.ts";

/** Whether another process holds the lock of the file `path`; false also where this user may not know. */
export async function isLocked(path: string): Promise<boolean> {
  try {
    using file = await opened(path);
    if (!await tryNow(file, true, path)) return true;
  } catch (error) {
    if (!isMissing(error) && !isLockUnsupported(error)) return false;
  }
  return await isHeartbeatHeld(path);
}

/** NFS asks for the right to write before it locks. */
async function opened(path: string): Promise<Deno.FsFile> {
  try {
    return await openOwnFile(path);
  } catch (error) {
    if (!isDenied(error) && !isReadOnly(error)) throw error;
    return await openForReading(path);
  }
}
