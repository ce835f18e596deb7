/** `pullama queue start`: pulls the queued models one after another, and prints a summary. */

import { exitCodeOfFirst, PullamaError } from "../../core/errors.ts";
import { displayName } from "../../core/name.ts";
import { onAbort } from "../../io/abort.ts";
import type { Turn, TurnEnd } from "../../queue/runner.ts";
import { interruptedText } from "../../ui/text/message.ts";
import { batchSummaryText, type ModelOutcome } from "../../ui/pull/batch_summary.ts";
import { noticeText } from "../../ui/pull/notice.ts";
import { againText, type QueueEvent, queueShow } from "../../ui/reports/queue_events.ts";
import { modelText } from "../../ui/reports/queue_list.ts";
import { oneLine, redact } from "../../ui/text/redact.ts";
import type { Warning } from "../args/options.ts";
import { runPull } from "../pull/run.ts";
import { createPuller, notStarted, type PullerParts } from "../pull/puller.ts";
import type { ModelQueue, Wait } from "../../setup/queue.ts";

export interface QueueJob extends PullerParts {
  readonly queue: ModelQueue;
  readonly warnings: readonly Warning[];
  /**
   * The flags to repeat in suggested commands, after a blank: for the same folder, and for the same
   * pull.
   */
  readonly sameFolder: string;
  readonly repeatFlags: string;
  /** How to wait for another process that is changing the queue. */
  readonly wait: Wait;
  /** Wait for further entries when all are done. */
  readonly watch: boolean;
}

/**
 * Returns the exit code of the first failure, or 0. The first signal ends the run after the current
 * model.
 */
export async function startQueue(job: QueueJob): Promise<number> {
  const { queue, options, display, host } = job;
  const { stop, clock } = host;
  if (options.dryRun && job.watch) {
    throw new PullamaError("usage", "--watch is of no use with --dry-run", {
      hint: "without it, what is queued now is checked",
    });
  }
  const open = (await queue.peek())
    .filter(({ status }) => status === "queued" || status === "active");
  if (options.dryRun && open.length > 0) {
    return await runPull({ ...job, models: open.map(({ given }) => given) });
  }

  const enough = stop.afterThis?.() ?? stop.soft;
  const puller = createPuller(job);
  const { out, err } = puller;
  const show = queueShow(out, clock, display);
  const outcomes: ModelOutcome[] = [];
  let left: readonly string[] = [];
  let current: string | undefined;

  async function pullOne({ given, index, count }: Turn): Promise<TurnEnd> {
    const turn = {
      event: "queue_entry",
      given,
      name: notStarted(given).name,
      index,
      count,
    } as const;
    current = modelText(turn);
    show({ ...turn, status: "active" });
    const outcome = await puller.pull(given, `queue ${index}/${count}`);
    current = undefined;
    outcomes.push(outcome);
    const end = endOf(outcome);
    show({ ...turn, ...eventFields(end) });
    return end;
  }

  function onEnough(): void {
    if (current === undefined) return;
    puller.emit({
      event: "warning",
      message: `stopping after ${current}`,
      hint: "a second signal stops this pull, which can be resumed; a third exits immediately",
    });
  }

  let told = 0;
  /** Tells the terminal of the models since the last time. */
  function tell(): void {
    if (job.notify && err.interactive) err.write(noticeText(outcomes.slice(told)));
    told = outcomes.length;
  }

  function onIdle(): void {
    tell();
    show({ event: "queue_waiting" });
  }

  using _listener = onAbort(enough, onEnough);
  try {
    for (const { message, hint } of job.warnings) puller.emit({ event: "warning", message, hint });
    if (open.length > 0 || job.watch) {
      // First: an error that prevents every pull must not mark the first entry as failed, and a
      // change of the queue may cost root the right to read its own files.
      await puller.open();
      left = await queue.run({
        pullOne,
        enough,
        now: () => clock.date(),
        wait: { signal: stop.hard, onWait: job.wait.onWait },
        ...(job.watch && { onIdle }),
      });
    }
  } finally {
    await puller[Symbol.asyncDispose]();
  }

  const exitCode = exitCodeOfFirst(outcomes);
  const people = !display.quiet && (display.mode === "table" || display.mode === "compact");
  const stopped = outcomes.at(-1)?.ended === "interrupted";
  const rest = left.slice(stopped ? 1 : 0).map(notStarted);
  if (people) out.write(endText([...outcomes, ...rest]));
  show({ event: "queue_end", ...counted(outcomes), queued: left.length, exitCode });
  if (!job.watch) tell();
  const again = outcomes.flatMap(againWord);
  if (again.length > 0) err.write(againText([again.join(" ") + job.sameFolder], err));
  if (left.length > 0) err.write(interruptedText([`queue start${job.repeatFlags}`], err));
  return exitCode;
}

function endText(outcomes: readonly ModelOutcome[]): string {
  return outcomes.length === 0 ? "nothing is queued\n" : batchSummaryText(outcomes, "pulled");
}

function endOf({ ended, error }: ModelOutcome): TurnEnd {
  if (error !== undefined) return { ended: "failed", reason: oneLine(redact(error.message)) };
  return { ended: ended === "pulled" ? "pulled" : "interrupted" };
}

function eventFields(
  end: TurnEnd,
): Pick<Extract<QueueEvent, { readonly event: "queue_entry" }>, "status" | "reason"> {
  switch (end.ended) {
    case "pulled":
      return { status: "completed" };
    case "failed":
      return { status: "failed", reason: end.reason };
    case "interrupted":
      return { status: "queued" };
    default:
      return end satisfies never;
  }
}

function counted(
  outcomes: readonly ModelOutcome[],
): { readonly completed: number; readonly failed: number } {
  const count = (what: ModelOutcome["ended"]) =>
    outcomes.filter(({ ended }) => ended === what).length;
  return { completed: count("pulled"), failed: count("failed") };
}

/** The argument that adds a failed model again. */
function againWord({ given, name, ended }: ModelOutcome): string[] {
  if (ended !== "failed" || name === undefined) return [];
  return [name.scheme === "http" || name.digest ? given : displayName(name)];
}
