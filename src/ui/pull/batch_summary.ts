/** The result of each of several pulls. */

import type { PullamaError } from "../../core/errors.ts";
import { displayName, type ModelName } from "../../core/name.ts";
import { oneLine, redact } from "../text/redact.ts";

export interface ModelOutcome {
  /** The model as the user gave it. */
  readonly given: string;
  /** Undefined if `given` is not a valid name. */
  readonly name: ModelName | undefined;
  readonly ended: "pulled" | "failed" | "interrupted" | "not started";
  /** Why it failed. */
  readonly error?: PullamaError;
}

/** A line with totals, and a line for each model. `done` is the word for success. */
export function batchSummaryText(
  outcomes: readonly ModelOutcome[],
  done: "pulled" | "copied" | "imported" | "checked" | "pushed",
): string {
  const succeeded = outcomes.filter(({ ended }) => ended === "pulled").length;
  const lines = [
    `${succeeded} of ${outcomes.length} models ${done}`,
    ...outcomes.map((outcome) => `  ${lineOf(outcome, done)}`),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function lineOf({ given, name, ended, error }: ModelOutcome, done: string): string {
  const state = ended === "pulled" ? done : ended;
  const reason = error === undefined ? "" : oneLine(redact(error.message));
  if (name === undefined) return `${state} ${reason === "" ? oneLine(redact(given)) : reason}`;
  return `${state} ${displayName(name)}${reason === "" ? "" : `: ${reason}`}`;
}
