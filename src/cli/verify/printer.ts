/** What `pullama verify` prints while it runs. */

import type { VerifyReport, VerifyWatcher } from "../../core/reports/verify.ts";
import { logThrottle } from "../../ui/progress/throttle.ts";
import {
  findingDocument,
  findingLines,
  verifyDocument,
  verifyProgress,
  verifySummary,
} from "../../ui/reports/verify.ts";
import type { EventView } from "../../ui/reports/event.ts";
import { fit, glyphs } from "../../ui/terminal/draw.ts";
import { type Redraw, redrawLine } from "../../ui/terminal/redraw.ts";
import type { Terminal } from "../../ui/terminal/terminal.ts";
import { percentOf } from "../../ui/text/numbers.ts";
import type { DisplayOptions } from "../args/options.ts";
import type { Host } from "../host/host.ts";

export interface Printer extends Omit<VerifyWatcher, "signal"> {
  /** The check has ended; undefined: early. */
  end(report: VerifyReport | undefined): void;
}

/** Milliseconds between two frames. */
const FRAME_MS = 100;
/** A check that takes no longer than this prints no progress to a log. */
const BRIEF_MS = 1000;

/** `repeated`: the flags to repeat in suggested commands, after a blank. */
export function printerFor(
  out: Terminal,
  repeated: string,
  clock: Host["clock"],
  { mode, quiet }: DisplayOptions,
): Printer {
  if (mode === "json" || mode === "debug") {
    const view = (): EventView => ({ mode, color: out.color, date: clock.date() });
    return {
      onFinding: (finding) => out.write(findingDocument(finding, repeated, view())),
      onProgress() {},
      end: (report) => report && out.write(verifyDocument(report, view())),
    };
  }
  let progress = "";
  const draw = (cells: number) => [fit(progress, cells, glyphs(out.unicode))];
  const live: Redraw | undefined = out.interactive && !quiet ? redrawLine(out, draw) : undefined;
  const due = logThrottle(clock, false);
  const began = clock.now();
  let drawnAt = -Infinity;
  return {
    onFinding(finding) {
      const lines = findingLines(finding, repeated, out);
      if (!live) return out.write(linesOf(lines));
      live.print(...lines);
      live.frame();
    },
    onProgress(done, total) {
      progress = verifyProgress(done, total);
      const now = clock.now();
      if (live && now - drawnAt >= FRAME_MS) {
        drawnAt = now;
        live.frame();
      }
      if (live || quiet || now - began < BRIEF_MS) return;
      if (due(percentOf(done, total))) out.write(linesOf([progress]));
    },
    end(report) {
      live?.clear();
      if (report) out.write(linesOf([verifySummary(report, out)]));
    },
  };
}

function linesOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}
