/** How each of several pulls ended. */

import type { PullamaError } from "../../core/errors.ts";
import { displayName, type ModelName } from "../../core/name.ts";
import { oneLine, redact } from "../text/redact.ts";

export interface ModelOutcome {
  /** The model as the user gave it. */
  readonly given: string;
  /** Undefined if it is no name. */
  readonly name: ModelName | undefined;
  readonly ended: "pulled" | "failed" | "interrupted" | "not started";
  /** Why it failed. */
  readonly error?: PullamaError;
}

/** One line that counts, and one for every model. `done` says what was done with those that went well. */
export function batchSummaryText(
  outcomes: readonly ModelOutcome[],
  done: "pulled" | "checked",
): string {
  const good = outcomes.filter(({ ended }) => ended === "pulled").length;
  const lines = [
    `${good} of ${outcomes.length} models ${done}`,
    ...outcomes.map((outcome) => `  ${lineOf(outcome, done)}`),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function lineOf({ given, name, ended, error }: ModelOutcome, done: string): string {
  const state = ended === "pulled" ? done : ended;
  const why = error === undefined ? "" : oneLine(redact(error.message));
  if (name === undefined) return `${state} ${why === "" ? oneLine(redact(given)) : why}`;
  return `${state} ${displayName(name)}${why === "" ? "" : `: ${why}`}`;
}
