/** `--output debug`: every event as `Deno.inspect` prints it. */

import { PullamaError } from "../../core/errors.ts";
import type { PullEvent } from "../../core/events.ts";
import { redact } from "../text/redact.ts";
import type { Renderer, RenderOptions } from "./renderer.ts";
import { stackOf } from "../text/stack.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** Prints every event without exception, for debugging pullama itself. */
export function debugRenderer(out: Terminal, options: RenderOptions): Renderer {
  return {
    event(event) {
      const shown = Deno.inspect(withoutStack(event, options.verbose), {
        colors: out.color,
        depth: 8,
        iterableLimit: 100,
        strAbbreviateSize: 4_000,
      });
      out.write(`${redact(shown)}\n`);
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
