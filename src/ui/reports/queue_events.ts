/** Progress of the queue, written around the output of each pull. */

import pico from "picocolors";
import type { ModelName } from "../../core/name.ts";
import { fit, glyphs } from "../terminal/draw.ts";
import type { Mode } from "../mode.ts";
import { modelText } from "./queue_list.ts";
import { inspectText, jsonText } from "../text/json.ts";
import { oneLine, redact } from "../text/redact.ts";
import type { Clock } from "../terminal/clock.ts";
import type { Terminal } from "../terminal/terminal.ts";

export type QueueEvent =
  /** An entry has started (`active`) or ended; an interrupted one is `queued` again. */
  | {
    readonly event: "queue_entry";
    /** Position among the `count` entries known to this run, from 1. */
    readonly index: number;
    readonly count: number;
    readonly given: string;
    readonly name: ModelName | undefined;
    readonly status: "active" | "completed" | "failed" | "queued";
    /** Why it failed. */
    readonly reason?: string;
  }
  /** All entries are done; the run waits for further ones. */
  | { readonly event: "queue_waiting" }
  /** The run has ended: counts of its entries, and in `queued` of the remaining ones. */
  | {
    readonly event: "queue_end";
    readonly completed: number;
    readonly failed: number;
    readonly queued: number;
    readonly exitCode: number;
  };

type EntryEvent = Extract<QueueEvent, { readonly event: "queue_entry" }>;

export interface QueueShow {
  readonly mode: Mode;
  /** Nothing with table and compact, only `queue_end` with json and debug. */
  readonly quiet: boolean;
}

/** Writes events to `out`, which must have no live lines at that time. */
export function queueShow(
  out: Terminal,
  clock: Clock,
  { mode, quiet }: QueueShow,
): (event: QueueEvent) => void {
  return (event) => {
    const ended = event.event === "queue_end";
    switch (mode) {
      case "table":
      case "compact":
        if (!quiet) out.write(textOf(event, out, mode));
        return;
      case "json":
        if (ended || !quiet) out.write(jsonLine(event, clock));
        return;
      case "debug":
        if (ended || !quiet) out.write(redact(inspectText(event, out.color)));
        return;
      default:
        return mode satisfies never;
    }
  };
}

function textOf(event: QueueEvent, out: Terminal, mode: "table" | "compact"): string {
  switch (event.event) {
    case "queue_end":
      return "";
    case "queue_waiting":
      return "waiting for further entries\n";
    case "queue_entry":
      if (mode === "table") return `${entryLine(event, out)}\n`;
      return event.status === "active" ? `queue ${place(event)}\n` : "";
    default:
      return event satisfies never;
  }
}

/** The command that queues the failed models again; for stderr. */
export function againText(words: readonly string[], { color }: Pick<Terminal, "color">): string {
  const hint = pico.createColors(color).dim("hint:");
  return `${hint} to retry the failed models: pullama queue add ${words.join(" ")}\n`;
}

function entryLine(event: EntryEvent, out: Terminal): string {
  const g = glyphs(out.unicode);
  const c = pico.createColors(out.color);
  const model = modelText(event);
  const head = `${g.title} queue ${place(event)} `;
  const line = (mark: string, text: string, paint: (text: string) => string) => {
    const whole = `${head}${mark}${text}`;
    const cut = out.interactive ? fit(whole, out.columns() - 1, g) : whole;
    return cut.length < head.length + mark.length
      ? cut
      : head + paint(mark) + cut.slice(head.length + mark.length);
  };
  switch (event.status) {
    case "active":
      return line("", `pulling ${model}`, (text) => text);
    case "completed":
      return line(`${g.done} `, `completed ${model}`, c.green);
    case "failed":
      return line(`${g.problem} `, `failed ${model}`, c.yellow);
    case "queued":
      return line(`${g.note} `, `stopped ${model}, queued again`, c.dim);
    default:
      return event.status satisfies never;
  }
}

function jsonLine(event: QueueEvent, clock: Clock): string {
  const time = clock.date().toISOString();
  return jsonText({ event: event.event, time, ...fieldsOf(event) });
}

function fieldsOf(event: QueueEvent): Readonly<Record<string, unknown>> {
  if (event.event === "queue_waiting") return {};
  if (event.event === "queue_end") {
    const { completed, failed, queued, exitCode } = event;
    return { Completed: completed, Failed: failed, Queued: queued, ExitCode: exitCode };
  }
  const { name, reason } = event;
  return {
    Index: event.index,
    Count: event.count,
    Status: event.status,
    Model: name?.model ?? modelText(event),
    ...(name && { Tag: name.tag, Name: modelText(event, true) }),
    ...(reason !== undefined && { Message: oneLine(redact(reason)) }),
  };
}

function place({ index, count }: EntryEvent): string {
  return `[${index}/${count}]`;
}
