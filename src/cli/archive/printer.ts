/** Progress of reading or writing an archive, in all modes of output. */

import { byteProgress } from "../../ui/progress/byte_progress.ts";
import { progressSegments, progressText } from "../../ui/progress/progress_line.ts";
import { logThrottle } from "../../ui/progress/throttle.ts";
import { eventText } from "../../ui/reports/event.ts";
import { glyphs } from "../../ui/terminal/draw.ts";
import { painted, paintWith } from "../../ui/terminal/paint.ts";
import { type Redraw, redrawLine } from "../../ui/terminal/redraw.ts";
import type { Terminal } from "../../ui/terminal/terminal.ts";
import type { DisplayOptions } from "../args/options.ts";
import type { Host } from "../host/host.ts";

export interface ArchivePrinter {
  /** An event for programs. */
  event(name: string, fields: Readonly<Record<string, unknown>>): void;
  /** `done` bytes are finished, `moved` of them since the last call took time. */
  progress(done: number, moved: number): void;
  /** A line for people, above those of progress. */
  say(text: string): void;
  /** Lines for people, after which none of progress follow. */
  end(text: string): void;
}

/** Milliseconds between two frames, and between two events. */
const FRAME_MS = 100;
/** What takes no longer than this prints no progress to a log. */
const BRIEF_MS = 1000;

/** `total`: all bytes, undefined where that is not known; `doing` is before the numbers. */
export function archivePrinter(
  out: Terminal,
  clock: Host["clock"],
  { mode, quiet }: DisplayOptions,
  doing: string,
  total: number | undefined,
): ArchivePrinter {
  const progress = byteProgress(clock, total);
  const g = glyphs(out.unicode);
  const began = clock.now();
  let drawnAt = -Infinity;
  const isDue = () => {
    const now = clock.now();
    if (now - drawnAt < FRAME_MS) return false;
    drawnAt = now;
    return true;
  };
  if (mode === "json" || mode === "debug") {
    const event = (name: string, fields: Readonly<Record<string, unknown>>) =>
      out.write(eventText(name, fields, { mode, color: out.color, date: clock.date() }));
    return {
      event,
      progress(done, moved) {
        progress.move(done, moved);
        if (quiet || !isDue()) return;
        const BytesPerSecond = progress.rate();
        if (total === undefined) {
          return event("import_progress", { ReadBytes: done, BytesPerSecond });
        }
        const eta = progress.steadyEtaMs();
        event("progress", {
          pct: progress.percent,
          OverallDone: done,
          OverallTotal: total,
          BytesPerSecond,
          ETASeconds: eta === undefined ? undefined : Math.round(eta / 1000),
        });
      },
      say() {},
      end() {},
    };
  }
  const draw = (cells: number) => {
    const room = cells - doing.length - 1;
    const segments = total === undefined
      ? [[progressText(progress, g)] as const]
      : progressSegments(progress, room, g, paintWith(false));
    return [`${doing} ${painted(segments, room, g)}`];
  };
  const live: Redraw | undefined = out.interactive && !quiet ? redrawLine(out, draw) : undefined;
  const due = logThrottle(clock, out.brief);
  let moves = false;
  return {
    event() {},
    progress(done, moved) {
      moves = true;
      progress.move(done, moved);
      if (live && isDue()) live.frame();
      if (live || quiet || clock.now() - began < BRIEF_MS) return;
      if (due(progress.percent)) out.write(`${doing} ${progressText(progress, g)}\n`);
    },
    say(text) {
      // Nothing is drawn before there is any progress.
      if (!live || !moves) return out.write(`${text}\n`);
      live.print(text);
      live.frame();
    },
    end(text) {
      live?.clear();
      out.write(text);
    },
  };
}
