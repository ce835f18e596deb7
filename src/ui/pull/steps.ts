/** Which events of a pull get a line: all that a person follows, and in models of very many layers a count. */

import type { BlobRef } from "../../core/events.ts";
import { isNamed } from "../progress/active_blob.ts";
import type { Glyphs } from "../terminal/draw.ts";
import type { Clock } from "../terminal/clock.ts";
import { countProblems } from "./problems.ts";
import { counted } from "../text/numbers.ts";
import { type Step, type StepEvent, stepOf } from "./step_text.ts";

export interface Steps {
  /** The lines for `event`, which may be none. */
  of(event: StepEvent): readonly Step[];
  /** What was only counted so far. */
  rest(): readonly Step[];
  /** What went wrong so far and was tried again, in words; undefined for nothing. */
  readonly problems: string | undefined;
}

/** The lines of one pull; `verbose`: with what happens between the steps, and with every trouble. */
export function pullSteps(g: Glyphs, clock: Clock, verbose: boolean): Steps {
  const problems = countProblems(clock);
  let total = 0;
  let cached = 0;
  let verified = 0;

  const named = (blob: BlobRef) => isNamed(blob, total);

  function rest(): readonly Step[] {
    const parts = [
      ...(cached > 0 ? [`${counted(cached, "small blob")} cached`] : []),
      ...(verified > 0 ? [`${counted(verified, "small blob")} verified`] : []),
    ];
    cached = 0;
    verified = 0;
    return parts.length > 0 ? [{ mark: "done", text: parts.join(g.separator) }] : [];
  }

  function of(event: StepEvent): readonly Step[] {
    switch (event.event) {
      case "checkpoint":
      case "chunk_start":
      case "request":
      case "note":
        return verbose ? [stepOf(event, g)] : [];
      case "blob_cached":
        if (named(event.blob)) return [stepOf(event, g)];
        cached++;
        return [];
      case "blob_verified":
        if (named(event.blob)) return [stepOf(event, g)];
        verified++;
        return [];
      case "blob_start":
        return named(event.blob) ? [stepOf(event, g)] : [];
      case "manifest":
        total = event.size;
        return [stepOf(event, g)];
      case "manifest_written":
        return [...rest(), stepOf(event, g)];
      case "retry":
      case "stall":
      case "lock_wait":
      case "waiting":
      case "bytes_lost":
        return problems.worth(event) || verbose ? [stepOf(event, g)] : [];
      default:
        return event satisfies never;
    }
  }

  return {
    of,
    rest,
    get problems() {
      const { retries, stalls } = problems;
      const parts = [
        ...(retries > 0 ? [retries === 1 ? "1 retry" : `${retries} retries`] : []),
        ...(stalls > 0 ? [counted(stalls, "stall")] : []),
      ];
      return parts.length > 0 ? parts.join(g.separator) : undefined;
    },
  };
}
