/** `--output compact`: the model, its progress, and the result. */

import type { PullEvent } from "../../core/events.ts";
import { formatDuration, formatSize } from "../../core/units.ts";
import { fit, glyphs, wrap } from "../terminal/draw.ts";
import { redrawLine, redrawLines } from "../terminal/redraw.ts";
import { dryRunLine, titleOf } from "./summary.ts";
import { logThrottle } from "../progress/throttle.ts";
import { foldProgress } from "../progress/progress.ts";
import type { Clock } from "../terminal/clock.ts";
import type { Renderer, RenderOptions } from "./renderer.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { type StepEvent, stepOf } from "./step_text.ts";

const FRAME_MS = 100;
const UNITS: Readonly<Record<string, number>> = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

export function compactRenderer(out: Terminal, clock: Clock, options: RenderOptions): Renderer {
  const g = glyphs(out.unicode);
  const progress = foldProgress(clock);
  const live = out.color && out.interactive ? redrawLines(out, clock, draw) : redrawLine(out, draw);
  let due = logThrottle(clock, out.brief);
  let open = false;
  let stopTicking = () => {};

  function text(): string {
    if (progress.total === undefined) return "";
    return `${progress.percent}% ${ratio(progress.done, progress.total)}`;
  }

  function draw(cells: number): readonly string[] {
    const line = open ? fit(text(), cells, g) : "";
    return line === "" ? [] : [line];
  }

  /** Prints a permanent line. */
  function say(line: string): void {
    live.print(...out.interactive ? wrap(line, out.columns() - 1) : [line]);
  }

  function begin(title: string): void {
    due = logThrottle(clock, out.brief);
    open = true;
    say(title);
    live.clear();
    if (!out.interactive) return;
    stopTicking();
    stopTicking = clock.every(FRAME_MS, live.frame);
  }

  /** Makes the progress line permanent, and adds `last` below it. */
  function end(last?: string): void {
    stopTicking();
    const reached = text();
    if (open && out.interactive && reached !== "") say(reached);
    open = false;
    if (last !== undefined) say(last);
    live.clear();
  }

  function detail(event: StepEvent): void {
    switch (event.event) {
      case "checkpoint":
      case "chunk_start":
      case "connections":
      case "pace":
      case "request":
      case "note":
      case "retry":
      case "waiting":
      case "stall":
      case "lock_wait":
      case "bytes_lost":
        if (options.verbose) say(stepOf(event, g, options.verb).text);
        break;
      case "manifest":
      case "blob_cached":
      case "blob_start":
      case "blob_verified":
      case "manifest_written":
        break;
      default:
        event satisfies never;
    }
    if (!out.interactive) live.clear();
  }

  function event(event: PullEvent): void {
    progress.fold(event);
    switch (event.event) {
      case "pull_start":
        return begin(titleOf(event.name, options, g));
      case "chunk_end":
        return;
      case "bytes":
      case "verifying":
        if (!out.interactive && due(progress.percent)) out.progress(`${text()}\n`);
        return;
      case "warning":
        return live.clear();
      case "dry_run":
        return end(dryRunLine(event.result, g));
      case "pull_completed": {
        const { size, elapsedMs } = event.summary;
        return end(`completed ${formatSize(size)} ${formatDuration(elapsedMs)}`);
      }
      case "pull_interrupted":
      case "pull_failed":
        return end();
      default:
        return detail(event);
    }
  }

  return { event, close: end };
}

/**
 * `1.3/2.0 GB`: both in the unit of the total, and the same number only when nothing is missing.
 */
function ratio(done: number, total: number): string {
  const [number = "", unit = "B"] = formatSize(total).split(" ");
  const size = UNITS[unit] ?? 1;
  const part = unit === "B" ? `${done}` : (Math.floor(done / size * 10) / 10).toFixed(1);
  return `${done >= total ? number : part}/${number} ${unit}`;
}
