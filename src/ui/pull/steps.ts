/**
 * Which events of a pull get a line. The small blobs of models with many layers are only counted.
 */

import type { BlobRef } from "../../core/events.ts";
import { isNamed } from "../progress/active_blob.ts";
import type { Glyphs } from "../terminal/draw.ts";
import type { Clock } from "../terminal/clock.ts";
import { countProblems } from "./problems.ts";
import type { RenderOptions } from "./renderer.ts";
import { counted } from "../text/numbers.ts";
import { type Step, type StepEvent, stepOf } from "./step_text.ts";

export interface Steps {
  /** The lines for `event`, possibly none. */
  of(event: StepEvent): readonly Step[];
  /** A line for the blobs that were only counted so far. */
  rest(): readonly Step[];
  /** Retries and stalls so far, as text; undefined if there were none. */
  readonly problems: string | undefined;
}

type StepOptions = Pick<RenderOptions, "verbose" | "verb">;

/** The lines of one pull; `verbose`: with checkpoints, chunks, requests and every problem. */
export function pullSteps(g: Glyphs, clock: Clock, { verbose, verb }: StepOptions): Steps {
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
      case "connections":
      case "request":
      case "note":
        return verbose ? [stepOf(event, g, verb)] : [];
      case "blob_cached":
        if (named(event.blob)) return [stepOf(event, g, verb)];
        cached++;
        return [];
      case "blob_verified":
        if (named(event.blob)) return [stepOf(event, g, verb)];
        verified++;
        return [];
      case "blob_start":
        return named(event.blob) ? [stepOf(event, g, verb)] : [];
      case "manifest":
        total = event.size;
        return [stepOf(event, g, verb)];
      case "pace":
        return [stepOf(event, g, verb)];
      case "manifest_written":
        return [...rest(), stepOf(event, g, verb)];
      case "retry":
      case "stall":
      case "lock_wait":
      case "waiting":
      case "bytes_lost":
        return problems.worth(event) || verbose ? [stepOf(event, g, verb)] : [];
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
