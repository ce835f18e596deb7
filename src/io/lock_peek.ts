/** Whether a lock is held, for those who only look: nothing is made or written, and reading is enough. */

import { isLockUnsupported, isMissing } from "./file_error.ts";
import { openForReading } from "./guarded.ts";
import { isHeartbeatHeld } from "./heartbeat_lock.ts";
import { tryNow } from "./lock.ts";

/** Whether another process holds the lock of the file `path`; false also where this user may not know. */
export async function isLocked(path: string): Promise<boolean> {
  try {
    using file = await openForReading(path);
    if (!await tryNow(file, true, path)) return true;
  } catch (error) {
    if (isMissing(error)) return await isHeartbeatHeld(path);
    if (!isLockUnsupported(error)) return false;
  }
  return await isHeartbeatHeld(path);
}
