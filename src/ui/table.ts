/** `--output table` on a terminal: a frame, a line in it per step, a bar that moves, and a closing box. */

import pico from "picocolors";
import type { PullEvent, Summary } from "../core/events.ts";
import { displayName } from "../core/name.ts";
import { box, fit, frameBottom, frameTop, glyphs } from "./draw.ts";
import { liveLine, liveLines } from "./live.ts";
import { dryRunSteps, summaryRows } from "./outcome.ts";
import { foldProgress } from "./progress.ts";
import { progressLine } from "./progress_line.ts";
import type { Clock, Renderer, RenderOptions } from "./renderer.ts";
import { pullSteps } from "./steps.ts";
import type { Terminal } from "./terminal.ts";
import { interruptedStep, type Step } from "./words.ts";

const FRAME_MS = 100;
const FRAME_CELLS = 57;

export function tableRenderer(out: Terminal, clock: Clock, options: RenderOptions): Renderer {
  const g = glyphs(out.unicode);
  const paint = painter(out.color);
  const progress = foldProgress(clock);
  const live = (out.color ? liveLines : liveLine)(out, draw);
  let steps = pullSteps(g, options.verbose);
  let titled = false;
  let open = false;
  let stopTicking = () => {};

  function draw(cells: number): readonly string[] {
    if (!open || progress.total === undefined) return [];
    return [`${g.frame.down} ${progressLine(progress, cells - 2, g)}`];
  }

  const cells = () => Math.max(1, out.columns() - 1);
  const frameCells = () => Math.min(FRAME_CELLS, cells());

  function begin(title: string): void {
    steps = pullSteps(g, options.verbose);
    if (!titled) live.print(fit(`${g.title} pullama`, cells(), g));
    titled = true;
    open = true;
    live.print(frameTop(title, frameCells(), g));
    live.frame();
    stopTicking();
    stopTicking = clock.every(FRAME_MS, live.frame);
  }

  function add(lines: readonly Step[]): void {
    for (const { mark, text } of lines) {
      live.print(`${g.frame.down} ${paint(mark, g[mark])} ${fit(text, cells() - 4, g)}`);
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
    const heading = `${g.done} pulled ${displayName(summary.name)}`;
    live.print(...box(heading, summaryRows(summary), frameCells(), g));
  }

  function event(event: PullEvent): void {
    progress.fold(event);
    switch (event.event) {
      case "pull_start":
        return begin(`${options.dryRun ? "would pull" : "pulling"} ${displayName(event.name)}`);
      case "bytes":
      case "verifying":
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

function painter(color: boolean): (mark: Step["mark"], text: string) => string {
  const c = pico.createColors(color);
  const paints = { done: c.green, cached: c.cyan, begin: c.blue, trouble: c.yellow, note: c.dim };
  return (mark, text) => paints[mark](text);
}
