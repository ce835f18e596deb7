/** Models that are partly downloaded, as a table, as names, or as a document. */

import { displayName, fullName } from "../../core/name.ts";
import type { PartialModel } from "../../core/reports/partial.ts";
import { formatSize } from "../../core/units.ts";
import { momentText } from "../text/age.ts";
import { columnsText } from "../text/columns.ts";
import { inspectText, jsonText } from "../text/json.ts";
import { oneLine } from "../text/redact.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { type ListView, modifiedText } from "./list.ts";

const HEADER = ["NAME", "KEPT", "DONE", "MODIFIED", "PULLED BY"];

/** The models for `out`, by mode. With `quiet` the names of those that are known. */
export function partialText(
  models: readonly PartialModel[],
  out: Terminal,
  view: ListView,
): string {
  const { mode, quiet } = view;
  if (mode === "json") return jsonText(partialDocument(models));
  if (mode === "debug") return inspectText(partialDocument(models), out.color);
  if (quiet) return models.map(({ name }) => name ? `${displayName(name)}\n` : "").join("");
  const cells = out.interactive ? out.columns() : Infinity;
  const header = mode === "compact" ? [] : HEADER;
  return columnsText(header, models.map((model) => rowOf(model, view)), cells, {
    ascii: !out.unicode,
  });
}

function rowOf(model: PartialModel, view: ListView): string[] {
  const { name, kept, active, holder } = model;
  const percent = percentOf(model);
  return [
    name ? displayName(name) : "not known",
    formatSize(kept),
    percent === undefined ? "-" : `${percent}%`,
    // It may be written to right now.
    modifiedText(model, { ...view, nowMs: Math.max(view.nowMs, model.modifiedMs ?? 0) }),
    active ? holder ?? "a process" : "-",
  ];
}

/** Undefined if the size is not known. */
function percentOf({ size, done }: PartialModel): number | undefined {
  if (size === undefined || done === undefined) return undefined;
  return size === 0 ? 100 : Math.floor(done / size * 100);
}

function partialDocument(models: readonly PartialModel[]): unknown {
  return {
    partial: models.map((model) => {
      const { name, kept, size, done, modifiedMs, active, holder } = model;
      return {
        name: name && displayName(name),
        full_name: name && fullName(name),
        kept_bytes: kept,
        size,
        done_bytes: done,
        percent: percentOf(model),
        modified_at: modifiedMs === undefined ? undefined : momentText(modifiedMs),
        active,
        holder: holder === undefined ? undefined : oneLine(holder),
      };
    }),
  };
}
