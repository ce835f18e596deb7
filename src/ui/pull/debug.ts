/** `--output debug`: every event as the inspector of the runtime shows it. */

import { PullamaError } from "../../core/errors.ts";
import type { PullEvent } from "../../core/events.ts";
import { redact } from "../text/redact.ts";
import type { Renderer, RenderOptions } from "./renderer.ts";
import { stackOf } from "../text/stack.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** Every event, without exception: this is for those who work on the program. */
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

/** An error is shown by its fields; as such the inspector would print its stack, and what is in it raw. */
function withoutStack(event: PullEvent, verbose: boolean): unknown {
  if (!("error" in event)) return event;
  const { kind, message, hint, retryAfterMs } = event.error satisfies PullamaError;
  const fields = { kind, message, hint, retryAfterMs };
  return { ...event, error: verbose ? { ...fields, trace: stackOf(event.error) } : fields };
}
