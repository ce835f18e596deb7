/** What a terminal is told when pulls have ended: it may show that on the desktop. */

import { displayName } from "../../core/name.ts";
import { oneLine, redact } from "../text/redact.ts";
import type { ModelOutcome } from "./batch_summary.ts";

/** ESC ] begins what only the terminal reads, and BEL ends it; BEL alone is the bell. */
const [OSC, BEL] = ["\x1b]", "\x07"];

/** As iTerm2 and Windows Terminal read it, as rxvt and others do, and the bell. Empty after an interruption. */
export function noticeText(outcomes: readonly ModelOutcome[]): string {
  const message = messageOf(outcomes);
  return message === ""
    ? ""
    : `${OSC}9;${message}${BEL}${OSC}777;notify;pullama;${message}${BEL}${BEL}`;
}

function messageOf(outcomes: readonly ModelOutcome[]): string {
  const [first] = outcomes;
  const ended = (what: ModelOutcome["ended"]) =>
    outcomes.filter((one) => one.ended === what).length;
  if (!first || ended("interrupted") + ended("not started") > 0) return "";
  if (outcomes.length > 1) return `${ended("pulled")} of ${outcomes.length} models pulled`;
  const model = first.name ? displayName(first.name) : oneLine(redact(first.given));
  if (!first.error) return `pulled ${model}`;
  // A semicolon would end the message.
  return `cannot pull ${model}: ${oneLine(redact(first.error.message))}`.replaceAll(";", ",");
}
