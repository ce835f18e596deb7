/** Pulls models one after another, and says how each of them ended. */

import { asPullamaError, exitCodeOf, PullamaError } from "../core/errors.ts";
import type { PullEvent } from "../core/events.ts";
import { displayName, type ModelName, parseName } from "../core/name.ts";
import { errorText, interruptedText, warningText } from "../ui/message.ts";
import { createRenderer } from "../ui/modes.ts";
import { type Outcome, outcomesText } from "../ui/outcomes.ts";
import { plain } from "../ui/terminal.ts";
import type { Host } from "./host.ts";
import { nearest } from "./nearest.ts";
import type { Engine, OpenEngine } from "../setup/engine.ts";
import type { PullOptions } from "../setup/options.ts";
import type { DisplayOptions, Warning } from "./options.ts";

export interface PullJob {
  /** As they were given. */
  readonly models: readonly string[];
  readonly options: PullOptions;
  readonly display: DisplayOptions;
  readonly warnings: readonly Warning[];
  /** Words that somebody may have meant who gave the name of a model that does not exist. */
  readonly commands: readonly string[];
  readonly host: Host;
  readonly openEngine: OpenEngine;
}

/** The exit code: that of the first failure. Every model is tried, unless the user stops. */
export async function pullModels(job: PullJob): Promise<number> {
  const { models, options, display, host } = job;
  const out = display.color ? host.out : plain(host.out);
  const err = display.color ? host.err : plain(host.err);
  const { quiet, verbose, mode } = display;
  const { dryRun } = options;
  const renderer = createRenderer(mode, out, { quiet, verbose, dryRun }, host.clock);
  const outcomes: Outcome[] = [];
  let engine: Engine | undefined;

  function emit(event: PullEvent): void {
    renderer.event(event);
    if (event.event === "warning") err.write(warningText(event.message, event.hint, err));
  }

  async function pullOne(given: string): Promise<Outcome> {
    let name: ModelName | undefined;
    try {
      name = parseName(given);
      engine ??= await job.openEngine(options, host.stop);
      await engine.pull(name, emit);
      return { given, name, ended: "pulled" };
    } catch (caught) {
      const error = withCommandHint(asPullamaError(caught), given, job.commands);
      if (error.kind === "interrupted") return { given, name, ended: "interrupted" };
      emit({ event: "pull_failed", name, given, error });
      const doing = name === undefined ? {} : { doing: `pull ${displayName(name)}` };
      err.write(errorText(error, err, { ...doing, verbose }));
      return { given, name, ended: "failed", error };
    }
  }

  try {
    for (const { message, hint } of job.warnings) emit({ event: "warning", message, hint });
    for (const given of models) {
      const stopped = host.stop.soft.aborted || outcomes.at(-1)?.ended === "interrupted";
      outcomes.push(stopped ? notStarted(given) : await pullOne(given));
    }
  } finally {
    renderer.close();
    await engine?.[Symbol.asyncDispose]();
  }

  const several = models.length > 1 && !quiet && (mode === "table" || mode === "compact");
  if (several) out.write(outcomesText(outcomes, dryRun ? "checked" : "pulled"));
  const left = outcomes.flatMap(resumeWord);
  if (left.length > 0) err.write(interruptedText(left, err));
  const failure = outcomes.find((outcome) => outcome.error !== undefined)?.error;
  return failure === undefined ? 0 : exitCodeOf(failure.kind);
}

function notStarted(given: string): Outcome {
  try {
    return { given, name: parseName(given), ended: "not started" };
  } catch {
    return { given, name: undefined, ended: "not started" };
  }
}

/**
 * What to write on a command line to go on with a pull: as it was given, which keeps `https://`, but with
 * the tag where without it the word could be a command. Nothing for a pull that is over, or cannot be.
 */
function resumeWord({ given, name, ended }: Outcome): string[] {
  const over = ended === "pulled" || ended === "failed";
  if (over || name === undefined) return [];
  return [/[:/]/.test(given) ? given.trim() : displayName(name)];
}

/** A word that is no model may be a slip in the name of a command. */
function withCommandHint(
  error: PullamaError,
  given: string,
  commands: readonly string[],
): PullamaError {
  const command = error.kind === "not_found" ? nearest(given, commands) : undefined;
  if (command === undefined) return error;
  return new PullamaError(error.kind, error.message, {
    hint: `did you mean the command: pullama ${command}`,
    cause: error,
  });
}
