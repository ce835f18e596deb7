/** `--quiet`: one line at the end, nothing before. */

import type { PullEvent } from "../../core/events.ts";
import { glyphs } from "../terminal/draw.ts";
import { dryRunLine, quietLine } from "./summary.ts";
import type { Renderer } from "./renderer.ts";
import { PULL, type Verb } from "./verb.ts";
import type { Terminal } from "../terminal/terminal.ts";

type EndEvent = Extract<
  PullEvent,
  { readonly event: "dry_run" | "pull_completed" | "pull_interrupted" | "pull_failed" }
>;

/** One line for a completed pull or dry run; failures and interruptions are reported on stderr. */
export function quietRenderer(out: Terminal, verb: Verb = PULL): Renderer {
  const g = glyphs(out.unicode);
  return onlyEnds({
    event(event) {
      switch (event.event) {
        case "pull_completed":
          return out.write(`${quietLine(event.summary, g, verb)}\n`);
        case "dry_run":
          return out.write(`${dryRunLine(event.result, g)}\n`);
        case "pull_interrupted":
        case "pull_failed":
          return;
        default:
          return event satisfies never;
      }
    },
    close: () => {},
  });
}

/** Passes on to `renderer` only the events that end a pull. */
export function onlyEnds(
  renderer: { event(event: EndEvent): void; close(): void },
): Renderer {
  return {
    event(event) {
      if (isEnd(event)) renderer.event(event);
    },
    close: () => renderer.close(),
  };
}

/** Whether it is one of the events that end a pull. */
export function isEnd(event: PullEvent): event is EndEvent {
  switch (event.event) {
    case "dry_run":
    case "pull_completed":
    case "pull_interrupted":
    case "pull_failed":
      return true;
    case "pull_start":
    case "manifest":
    case "blob_cached":
    case "blob_start":
    case "bytes":
    case "bytes_lost":
    case "verifying":
    case "blob_verified":
    case "retry":
    case "waiting":
    case "stall":
    case "lock_wait":
    case "checkpoint":
    case "chunk_start":
    case "connections":
    case "pace":
    case "chunk_end":
    case "request":
    case "note":
    case "manifest_written":
    case "warning":
      return false;
    default:
      return event satisfies never;
  }
}
