/** How the commands of the queue wait for one another. */

import { warningText } from "../../ui/text/message.ts";
import { type Host, outputs } from "../host/host.ts";
import type { Wait } from "../../setup/queue.ts";

/** Says who is waited for: a command that changes the queue at this moment, or an older program that runs it. */
export function waitMessages(host: Host, color: boolean): Wait {
  const { err } = outputs(host, color);
  return {
    signal: host.stop.soft,
    onWait(holder) {
      const who = holder === undefined ? "another process" : holder;
      err.write(warningText(`waiting for the queue, which is held by ${who}`, undefined, err));
    },
  };
}
