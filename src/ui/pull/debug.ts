/** `--output debug`: every event as `Deno.inspect` prints it. */

import { PullamaError } from "../../core/errors.ts";
import type { PullEvent } from "../../core/events.ts";
import { inspectText } from "../text/json.ts";
import { redact } from "../text/redact.ts";
import type { Renderer, RenderOptions } from "./renderer.ts";
import { stackOf } from "../text/stack.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** Prints every event, for debugging pullama itself. */
export function debugRenderer(out: Terminal, options: RenderOptions): Renderer {
  return {
    event(event) {
      const line = redact(inspectText(withoutStack(event, options.verbose), out.color));
      if (event.event === "bytes" || event.event === "verifying") out.progress(line);
      else out.write(line);
    },
    close: () => {},
  };
}

/**
 * Replaces an error by its fields: `Deno.inspect` would print its stack and its message unredacted.
 */
function withoutStack(event: PullEvent, verbose: boolean): unknown {
  if (!("error" in event)) return event;
  const { kind, message, hint, retryAfterMs } = event.error satisfies PullamaError;
  const fields = { kind, message, hint, retryAfterMs };
  return { ...event, error: verbose ? { ...fields, trace: stackOf(event.error) } : fields };
}
