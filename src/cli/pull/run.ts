/** Pulls models one after another, and says how each of them ended. */

import { exitCodeOf } from "../../core/errors.ts";
import { displayName } from "../../core/name.ts";
import { interruptedText } from "../../ui/text/message.ts";
import { batchSummaryText, type ModelOutcome } from "../../ui/pull/batch_summary.ts";
import type { Warning } from "../args/options.ts";
import { createPuller, type PullerParts } from "./puller.ts";

export interface PullJob extends PullerParts {
  /** As they were given. */
  readonly models: readonly string[];
  readonly warnings: readonly Warning[];
  /** Flags, after a blank, with which a command pulls as this one does. */
  readonly samePull: string;
}

/** The exit code: that of the first failure. Every model is tried, unless the user stops. */
export async function runPull(job: PullJob): Promise<number> {
  const { models, options, display, host } = job;
  const puller = createPuller(job);
  const { out, err } = puller;
  const outcomes: ModelOutcome[] = [];
  try {
    for (const { message, hint } of job.warnings) puller.emit({ event: "warning", message, hint });
    for (const [k, given] of models.entries()) {
      const place = models.length > 1 ? `${k + 1}/${models.length}` : undefined;
      const stopped = host.stop.soft.aborted || outcomes.at(-1)?.ended === "interrupted";
      outcomes.push(stopped ? puller.leave(given) : await puller.pull(given, place));
    }
  } finally {
    await puller[Symbol.asyncDispose]();
  }

  const people = display.mode === "table" || display.mode === "compact";
  const several = models.length > 1 && !display.quiet && people;
  if (several) out.write(batchSummaryText(outcomes, options.dryRun ? "checked" : "pulled"));
  const left = outcomes.flatMap(resumeWord);
  if (left.length > 0) err.write(interruptedText([left.join(" ") + job.samePull], err));
  return exitCodeOfAll(outcomes);
}

/** The exit code of the first failure, or 0. */
export function exitCodeOfAll(outcomes: readonly ModelOutcome[]): number {
  const failure = outcomes.find(({ error }) => error !== undefined)?.error;
  return failure === undefined ? 0 : exitCodeOf(failure.kind);
}

/**
 * What to write on a command line to go on with a pull: as it was given, which keeps `https://`, but with
 * the tag where without it the word could be a command. Nothing for a pull that is over, or cannot be.
 */
function resumeWord({ given, name, ended }: ModelOutcome): string[] {
  const over = ended === "pulled" || ended === "failed";
  if (over || name === undefined) return [];
  return [/[:/]/.test(given) ? given.trim() : displayName(name)];
}
