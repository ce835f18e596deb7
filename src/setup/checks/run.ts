/** Takes the steps of a checkup one after another, each in bounded time. */

import type { Check, CheckName } from "../../core/reports/doctor.ts";
import { asPullamaError, PullamaError } from "../../core/errors.ts";
import { Deadline } from "../../io/deadline.ts";

export type Finding =
  | {
    readonly found: readonly string[];
    /** It is only a warning, and this is what to do. */
    readonly warning?: string | undefined;
  }
  /** It does not apply, for this reason. */
  | { readonly skipped: string };

export interface Step {
  readonly name: CheckName;
  /** It makes no sense where one of these has failed. */
  readonly needs?: readonly CheckName[];
  /** What is the case when the time is up: "the name server has not answered". */
  readonly late: string;
  /** What to do about a failure that does not say so itself. */
  readonly remedy: string;
  /** Milliseconds, where it may take longer or shorter than usual. */
  readonly limitMs?: number;
  /** Rejects with a PullamaError where something stands in the way of a pull. */
  check(signal: AbortSignal): Promise<Finding>;
}

/** Who looks on. */
export interface Watcher {
  /** Ends it at once. */
  readonly signal: AbortSignal;
  onBegin?(name: CheckName): void;
  onCheck(check: Check): void;
}

/** All checks; `limitMs` is the time that each has. Rejects with the reason of the signal only. */
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
  const over = Promise.withResolvers<never>();
  const stop = () => over.reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    signal.throwIfAborted();
    const finding = await Promise.race([step.check(signal), over.promise]);
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
    signal.removeEventListener("abort", stop);
    if (!signal.aborted) attempt.abort(new PullamaError("interrupted", "the check is over"));
  }
}

/** Names what has failed itself, not what was skipped for it. */
function because(cause: CheckName, checks: readonly Check[]): string {
  const failed = checks.find(({ name, state }) => name === cause && state === "failed");
  const found = checks.find(({ name }) => name === cause)?.found[0];
  return failed ? `not checked: ${cause} has failed` : found ?? `not checked: ${cause} was skipped`;
}
