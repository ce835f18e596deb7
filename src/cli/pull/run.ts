/** Pulls models one after another, and prints a summary. */

import { exitCodeOfFirst, type PullamaError } from "../../core/errors.ts";
import { displayName, type ModelName } from "../../core/name.ts";
import { interruptedText } from "../../ui/text/message.ts";
import { batchSummaryText, type ModelOutcome } from "../../ui/pull/batch_summary.ts";
import type { Warning } from "../args/options.ts";
import { noticeText } from "../../ui/pull/notice.ts";
import { createPuller, pullEach, type PullerParts } from "./puller.ts";

export interface PullJob extends PullerParts {
  /** As given on the command line. */
  readonly models: readonly string[];
  readonly warnings: readonly Warning[];
  /** Models that cannot be pulled, whose errors are reported: they have an event, and a place in the summary. */
  readonly failed?: readonly FailedModel[];
  /** The flags to repeat in the command that resumes, after a blank. */
  readonly repeatFlags: string;
}

/** A model that is known to fail. */
export interface FailedModel {
  readonly name: ModelName;
  readonly error: PullamaError;
}

/** Pulls every model, unless interrupted. Returns the exit code of the first failure, or 0. */
export async function runPull(job: PullJob): Promise<number> {
  const { models, options, display, host } = job;
  const puller = createPuller(job);
  const { out, err } = puller;
  const outcomes: ModelOutcome[] = [];
  const people = display.mode === "table" || display.mode === "compact";
  try {
    for (const { message, hint } of job.warnings) puller.emit({ event: "warning", message, hint });
    for (const { name, error } of job.failed ?? []) {
      const given = displayName(name);
      if (!people) puller.emit({ event: "pull_failed", name, given, error });
      outcomes.push({ given, name, ended: "failed", error });
    }
    outcomes.push(...await pullEach(puller, models, host.stop));
  } finally {
    await puller[Symbol.asyncDispose]();
  }

  const several = outcomes.length > 1 && !display.quiet && people;
  if (several) out.write(batchSummaryText(outcomes, options.dryRun ? "checked" : "pulled"));
  if (job.notify && !options.dryRun && err.interactive) err.write(noticeText(outcomes));
  const left = outcomes.flatMap(resumeWord);
  if (left.length > 0) err.write(interruptedText([left.join(" ") + job.repeatFlags], err));
  return exitCodeOfFirst(outcomes);
}

/**
 * The argument that resumes a pull: as it was given, which keeps `https://`, but with a tag if it
 * could otherwise be taken for a command. Empty for a pull that has ended or whose name is invalid.
 */
function resumeWord({ given, name, ended }: ModelOutcome): string[] {
  const done = ended === "pulled" || ended === "failed";
  if (done || name === undefined) return [];
  return [/[:/]/.test(given) ? given.trim() : displayName(name)];
}
