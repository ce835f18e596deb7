/**
 * `--output table` without a terminal: an ASCII log with a line per step and regular progress
 * lines.
 */

import type { PullEvent } from "../../core/events.ts";
import { glyphs } from "../terminal/draw.ts";
import { dryRunSteps, summaryLine, titleOf } from "./summary.ts";
import { logThrottle } from "../progress/throttle.ts";
import { paintWith } from "../terminal/paint.ts";
import { foldProgress } from "../progress/progress.ts";
import { progressText } from "../progress/progress_line.ts";
import type { Clock } from "../terminal/clock.ts";
import type { Renderer, RenderOptions } from "./renderer.ts";
import { pullSteps } from "./steps.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { interruptedStep, type Step } from "./step_text.ts";

export function plainRenderer(out: Terminal, clock: Clock, options: RenderOptions): Renderer {
  const g = glyphs(false);
  const paint = paintWith(out.color);
  const progress = foldProgress(clock);
  let steps = pullSteps(g, clock, options);
  let due = logThrottle(clock, out.brief);

  const say = (text: string) => out.write(`${text}\n`);

  function add(lines: readonly Step[]): void {
    for (const { mark, text } of lines) {
      say(mark === "problem" ? `${paint.mark.problem(g.problem)} ${text}` : text);
    }
  }

  function event(event: PullEvent): void {
    progress.fold(event);
    switch (event.event) {
      case "pull_start":
        steps = pullSteps(g, clock, options);
        due = logThrottle(clock, out.brief);
        return say(titleOf(event.name, options, g));
      case "chunk_end":
        return;
      case "bytes":
      case "verifying":
        if (due(progress.percent)) out.progress(`${progressText(progress, g)}\n`);
        return;
      case "warning":
        return;
      case "dry_run":
        return add(dryRunSteps(event.result, g));
      case "pull_completed":
        add(steps.rest());
        return say(summaryLine(event.summary, steps.problems, g, options.verb));
      case "pull_interrupted":
        return add([...steps.rest(), interruptedStep(event, g)]);
      case "pull_failed":
        return add(steps.rest());
      default:
        return add(steps.of(event));
    }
  }

  return { event, close: () => {} };
}
