/** The renderers by output mode. */

import { compactRenderer } from "./compact.ts";
import { debugRenderer } from "./debug.ts";
import { jsonRenderer } from "./json.ts";
import { plainRenderer } from "./plain.ts";
import { onlyEnds, quietRenderer } from "./quiet.ts";
import type { Mode } from "../mode.ts";
import type { Clock } from "../terminal/clock.ts";
import type { Renderer, RenderOptions } from "./renderer.ts";
import { tableRenderer } from "./table.ts";
import type { Terminal } from "../terminal/terminal.ts";

/**
 * The renderer for `mode` on `out`. With `quiet`, table and compact print one line, json and debug
 * the last event.
 */
export function createRenderer(
  mode: Mode,
  out: Terminal,
  options: RenderOptions,
  clock: Clock,
): Renderer {
  // Only the table on a terminal shows the place: scripts may match the lines of the others.
  const bare = { ...options, place: undefined };
  switch (mode) {
    case "table":
      if (options.quiet) return quietRenderer(out, options.verb);
      return out.interactive ? tableRenderer(out, clock, options) : plainRenderer(out, clock, bare);
    case "compact":
      return options.quiet ? quietRenderer(out, options.verb) : compactRenderer(out, clock, bare);
    case "json":
      return options.quiet ? onlyEnds(jsonRenderer(out, clock)) : jsonRenderer(out, clock);
    case "debug":
      return options.quiet ? onlyEnds(debugRenderer(out, options)) : debugRenderer(out, options);
    default:
      return mode satisfies never;
  }
}
