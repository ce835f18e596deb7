/** Accepts connections whatever happens to single ones. */

import type { Clock } from "../clock.ts";
import { onAbort } from "../abort.ts";
import { isScarce } from "../file_error.ts";

/** Milliseconds until connections are accepted again, where the system has no descriptor left. */
const PAUSE_MS = 100;

/** Gives each connection to `take`, until `signal` is aborted: then the listener is closed. Never rejects. */
export async function acceptAll(
  listener: Deno.TcpListener,
  take: (connection: Deno.TcpConn) => void,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  using _closing = onAbort(signal, () => listener.close());
  while (!signal.aborted) {
    try {
      take(await listener.accept());
    } catch (error) {
      if (error instanceof Deno.errors.BadResource) return;
      // Otherwise a client has gone again, of which there may be many: they must not keep the others waiting.
      if (isScarce(error)) await clock.sleep(PAUSE_MS, signal).catch(() => {});
      else await new Promise((resolve) => setTimeout(resolve));
    }
  }
}
