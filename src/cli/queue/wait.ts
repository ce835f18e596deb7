/** Waiting for the lock of the queue. */

import { warningText } from "../../ui/text/message.ts";
import { type Host, outputs } from "../host/host.ts";
import type { Wait } from "../../setup/queue.ts";

/**
 * Warns while the lock is held by a command that changes the queue, or by an older program that
 * runs it.
 */
export function waitMessages(host: Host, color: boolean): Wait {
  const { err } = outputs(host, color);
  return {
    signal: host.stop.soft,
    onWait(holder) {
      const who = holder === undefined ? "another process" : holder;
      err.write(warningText(`waiting for the queue lock, held by ${who}`, undefined, err));
    },
  };
}
