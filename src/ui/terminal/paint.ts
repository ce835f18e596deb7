/** Colors by meaning, chosen to be readable on dark and light backgrounds. */

import pico from "picocolors";
import { fit, type Glyphs } from "./draw.ts";

type Brush = (text: string) => string;

/** The kind of a line. */
export type Mark = "done" | "cached" | "begin" | "problem" | "note";

export interface Paint {
  /** The mark before a line. */
  readonly mark: Readonly<Record<Mark | "failed", Brush>>;
  /** The two parts of a bar. */
  readonly filled: Brush;
  readonly empty: Brush;
  /** Important text. */
  readonly strong: Brush;
  /** Secondary text. */
  readonly faint: Brush;
}

/** Without `color` text is returned as it is. */
export function paintWith(color: boolean): Paint {
  const c = pico.createColors(color);
  return {
    mark: {
      done: c.green,
      cached: c.cyan,
      begin: c.cyan,
      problem: c.red,
      note: c.dim,
      failed: c.red,
    },
    filled: c.green,
    empty: c.dim,
    strong: c.bold,
    faint: c.dim,
  };
}

/** A part of a line, and its color. */
export type Segment = readonly [text: string, brush?: Brush];

/** The parts as one line of at most `cells`, truncated before colors are added. */
export function painted(segments: readonly Segment[], cells: number, g: Glyphs): string {
  const whole = segments.map(([text]) => text).join("");
  const kept = fit(whole, cells, g);
  let same = 0;
  while (same < kept.length && kept[same] === whole[same]) same++;
  let at = 0;
  let line = "";
  for (const [text, brush] of segments) {
    const part = kept.slice(at, Math.min(same, at + text.length));
    line += brush === undefined || part === "" ? part : brush(part);
    at += text.length;
    if (at >= same) break;
  }
  return line + kept.slice(same);
}
