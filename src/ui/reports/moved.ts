/** The models that were removed where they were moved from. */

import { displayName, fullName } from "../../core/name.ts";
import type { Removal } from "../../core/reports/rm.ts";
import { formatSize } from "../../core/units.ts";
import { glyphs } from "../terminal/draw.ts";
import type { Mode } from "../mode.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { eventText } from "./event.ts";

export interface MovedView {
  readonly mode: Mode;
  readonly quiet: boolean;
  /** The models folder that they were in. */
  readonly from: string;
  readonly date: Date;
}

/** A line for each, or an event; nothing for those that could not be removed. */
export function removedText(
  removals: readonly Removal[],
  out: Terminal,
  { mode, quiet, from, date }: MovedView,
): string {
  const g = glyphs(out.unicode);
  return removals.flatMap(({ name, removed }) => {
    if (!removed || (quiet && (mode === "table" || mode === "compact"))) return [];
    if (mode === "json" || mode === "debug") {
      const fields = { Model: name.model, Tag: name.tag, Name: fullName(name) };
      const view = { mode, color: out.color, date };
      return [eventText("removed", { ...fields, FreedBytes: removed.bytes }, view)];
    }
    const freed = `${formatSize(removed.bytes)} freed`;
    return [`removed ${displayName(name)} from ${from}${g.separator}${freed}\n`];
  }).join("");
}
