/** Runs the checks of `pullama doctor` one after another, each with a time limit. */

import type { Check, CheckName } from "../../core/reports/doctor.ts";
import { asPullamaError, PullamaError } from "../../core/errors.ts";
import { Deadline, orAborted } from "../../io/abort.ts";

export type Finding =
  | {
    readonly found: readonly string[];
    /** Makes it a warning; the text is the hint. */
    readonly warning?: string | undefined;
  }
  /** The check does not apply, for this reason. */
  | { readonly skipped: string };

export interface Step {
  readonly name: CheckName;
  /** Skipped if one of these failed. */
  readonly needs?: readonly CheckName[];
  /** The message for a timeout, completed with "after 10 s": "no response from the server". */
  readonly late: string;
  /** The hint for a failure without one. */
  readonly remedy: string;
  /** Time limit in milliseconds, if it differs from the usual one. */
  readonly limitMs?: number;
  /** Rejects with a PullamaError if a pull would fail. */
  check(signal: AbortSignal): Promise<Finding>;
}

/** Observes the checks. */
export interface Watcher {
  /** Aborts the checks immediately. */
  readonly signal: AbortSignal;
  onBegin?(name: CheckName): void;
  onCheck(check: Check): void;
}

/** Runs all checks, with `limitMs` for each. Rejects only with the reason of the signal. */
export async function runSteps(
  steps: readonly Step[],
  limitMs: number,
  watcher: Watcher,
): Promise<Check[]> {
  const checks: Check[] = [];
  const broken = new Set<CheckName>();
  for (const step of steps) {
    const cause = step.needs?.find((name) => broken.has(name));
    if (cause === undefined) watcher.onBegin?.(step.name);
    const check: Check = cause === undefined
      ? await taken(step, limitMs, watcher.signal)
      : { name: step.name, state: "skipped", found: [because(cause, checks)], ms: 0 };
    if (check.state === "failed" || cause !== undefined) broken.add(step.name);
    checks.push(check);
    watcher.onCheck(check);
  }
  return checks;
}

async function taken(step: Step, usualMs: number, caller: AbortSignal): Promise<Check> {
  const { name, late, remedy, limitMs = usualMs } = step;
  const began = performance.now();
  const check = (rest: Pick<Check, "state" | "found" | "hint" | "error">): Check => ({
    name,
    ms: performance.now() - began,
    ...rest,
  });
  using attempt = new Deadline(caller, limitMs, late);
  const { signal } = attempt;
  try {
    signal.throwIfAborted();
    const finding = await orAborted(step.check(signal), signal);
    if ("skipped" in finding) return check({ state: "skipped", found: [finding.skipped] });
    const { found, warning } = finding;
    if (warning === undefined) return check({ state: "ok", found });
    return check({ state: "warning", found, hint: warning });
  } catch (thrown) {
    if (caller.aborted) throw caller.reason;
    const error = asPullamaError(signal.aborted ? signal.reason : thrown);
    const { message, hint = remedy } = error;
    return check({ state: "failed", found: [message], hint, error });
  } finally {
    if (!signal.aborted) attempt.abort(new PullamaError("interrupted", "the check is over"));
  }
}

/** Names the check that failed rather than one that was skipped because of it. */
function because(cause: CheckName, checks: readonly Check[]): string {
  const failed = checks.find(({ name, state }) => name === cause && state === "failed");
  const found = checks.find(({ name }) => name === cause)?.found[0];
  return failed ? `not checked: ${cause} failed` : found ?? `not checked: ${cause} was skipped`;
}
