/** One event of a command, for programs. */

import type { Mode } from "../mode.ts";
import { inspectText, jsonText } from "../text/json.ts";

export interface EventView {
  readonly mode: Mode;
  readonly color: boolean;
  readonly date: Date;
}

/** A line of JSON, or what `Deno.inspect` prints; nothing in the modes for people. */
export function eventText(
  event: string,
  fields: Readonly<Record<string, unknown>>,
  { mode, color, date }: EventView,
): string {
  const document = { event, time: date.toISOString(), ...fields };
  if (mode === "json") return jsonText(document);
  return mode === "debug" ? inspectText(document, color) : "";
}
