/**
 * `--output table` on a terminal: a frame with a line per step, live lines below it, and a closing
 * box.
 */

import type { PullEvent, Summary } from "../../core/events.ts";
import { displayName } from "../../core/name.ts";
import { box, fit, frameBottom, frameTop, glyphs, wrap } from "../terminal/draw.ts";
import { foldActiveBlobs } from "../progress/active_blobs.ts";
import { redrawLine, redrawLines } from "../terminal/redraw.ts";
import { dryRunSteps, summaryRows, titleOf } from "./summary.ts";
import { painted, paintWith } from "../terminal/paint.ts";
import { foldProgress } from "../progress/progress.ts";
import { liveRegionLines } from "../progress/live_region.ts";
import type { Clock } from "../terminal/clock.ts";
import type { Renderer, RenderOptions } from "./renderer.ts";
import { pullSteps } from "./steps.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { interruptedStep, type Step } from "./step_text.ts";
import { PULL } from "./verb.ts";

const FRAME_MS = 100;
const FRAME_CELLS = 57;

export function tableRenderer(out: Terminal, clock: Clock, options: RenderOptions): Renderer {
  const g = glyphs(out.unicode);
  const paint = paintWith(out.color);
  const { verb = PULL } = options;
  const progress = foldProgress(clock);
  const activeBlobs = foldActiveBlobs(clock);
  const live = out.color ? redrawLines(out, clock, draw) : redrawLine(out, draw);
  let steps = pullSteps(g, clock, options);
  let titled = false;
  let open = false;
  let host = "";
  let stopTicking = () => {};

  function draw(cells: number, rows: number): readonly string[] {
    const done = options.dryRun && progress.total !== undefined;
    if (!open || done) return [];
    return liveRegionLines(
      { progress, activeBlobs, now: clock.now(), host },
      cells,
      rows,
      g,
      paint,
    );
  }

  const cells = () => Math.max(1, out.columns() - 1);
  const frameCells = () => Math.min(FRAME_CELLS, cells());

  function begin(title: string): void {
    steps = pullSteps(g, clock, options);
    if (!titled) live.print(painted([[`${g.title} pullama`, paint.strong]], cells(), g));
    titled = true;
    open = true;
    live.print(frameTop(title, frameCells(), g));
    live.frame();
    stopTicking();
    stopTicking = clock.every(FRAME_MS, live.frame);
  }

  /** Problems and `--verbose` lines are wrapped, all others are cut to the width of the window. */
  function add(lines: readonly Step[]): void {
    const room = cells() - 4;
    for (const { mark, text } of lines) {
      const rows = mark === "problem" || mark === "note" ? wrap(text, room) : [fit(text, room, g)];
      rows.forEach((row, i) => {
        const before = i === 0 ? paint.mark[mark](g[mark]) : " ";
        live.print(`${g.frame.down} ${before} ${row}`);
      });
    }
  }

  function end(last: readonly Step[] = []): void {
    stopTicking();
    if (open) {
      add([...steps.rest(), ...last]);
      live.print(frameBottom(frameCells(), g));
    }
    open = false;
  }

  function summarize(summary: Summary): void {
    const heading = `${g.done} ${verb.done} ${displayName(summary.name)}`;
    const [top = "", head = "", ...rest] = box(
      heading,
      summaryRows(summary, steps.problems, verb),
      frameCells(),
      g,
    );
    live.print(top, head.replace(g.done, paint.mark.done(g.done)), ...rest);
  }

  function event(event: PullEvent): void {
    progress.fold(event);
    activeBlobs.fold(event);
    switch (event.event) {
      case "pull_start":
        host = event.name.host;
        return begin(titleOf(event.name, options, g));
      case "bytes":
      case "verifying":
      case "chunk_end":
        return;
      case "warning":
        return live.clear();
      case "dry_run":
        end(dryRunSteps(event.result, g));
        return live.clear();
      case "pull_completed":
        end();
        summarize(event.summary);
        return live.clear();
      case "pull_interrupted":
        end([interruptedStep(event, g)]);
        return live.clear();
      case "pull_failed":
        end();
        return live.clear();
      default:
        return add(steps.of(event));
    }
  }

  return {
    event,
    close() {
      end();
      live.clear();
    },
  };
}
