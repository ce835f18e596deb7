/** Installed models as a table, as names, or as a document. */

import { shortId } from "../../core/digest.ts";
import type { InstalledModel, Inventory } from "../../core/reports/installed.ts";
import { displayName, fullName } from "../../core/name.ts";
import { formatSize } from "../../core/units.ts";
import { agoText, momentText } from "../text/age.ts";
import { columnsText } from "../text/columns.ts";
import { inspectText, jsonText } from "../text/json.ts";
import type { Mode } from "../mode.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** How a list is shown. */
export interface ListView {
  readonly mode: Mode;
  /** Only names, with table and compact. */
  readonly quiet: boolean;
  /** Times, digests and texts in full. */
  readonly verbose: boolean;
  /** The current time in milliseconds since 1970. */
  readonly nowMs: number;
}

const HEADER = ["NAME", "ID", "SIZE", "MODIFIED"];

/** The inventory for `out`, by mode. Names are not truncated in a pipe. */
export function listText(inventory: Inventory, out: Terminal, view: ListView): string {
  const { mode, quiet } = view;
  if (mode === "json") return jsonText(listDocument(inventory));
  if (mode === "debug") return inspectText(listDocument(inventory), out.color);
  if (quiet) return inventory.models.map(({ name }) => `${displayName(name)}\n`).join("");
  const rows = inventory.models.map((model) => rowOf(model, view));
  const cells = out.interactive ? out.columns() : Infinity;
  return columnsText(mode === "compact" ? [] : HEADER, rows, cells, { ascii: !out.unicode });
}

/** The size, or `-` for a model that runs on another machine, as in `ollama list`. */
export function sizeText({ size, remote }: Pick<InstalledModel, "size" | "remote">): string {
  return size === undefined || remote !== undefined ? "-" : formatSize(size);
}

/** The time it was written: as an age, or in full with `verbose`. */
export function modifiedText(
  { modifiedMs }: Pick<InstalledModel, "modifiedMs">,
  { verbose, nowMs }: ListView,
): string {
  if (modifiedMs === undefined) return "Never";
  return verbose ? momentText(modifiedMs) : agoText(nowMs - modifiedMs);
}

function rowOf(model: InstalledModel, view: ListView): string[] {
  return [
    displayName(model.name),
    shortId(model.digest),
    sizeText(model),
    modifiedText(model, view),
  ];
}

/** Uses the field names of Ollama's API where it has them. */
function listDocument({ models, broken, hidden }: Inventory): unknown {
  return {
    models: models.map(modelFields),
    broken: broken.map(({ path, name, reason }) => ({
      path,
      name: name && displayName(name),
      reason,
    })),
    hidden: hidden.map(({ path, name }) => ({ path, name: displayName(name) })),
  };
}

/** The fields of a model in every document. */
export function modelFields(model: InstalledModel): Readonly<Record<string, unknown>> {
  const { name, digest, size, modifiedMs, remote } = model;
  return {
    name: displayName(name),
    full_name: fullName(name),
    id: shortId(digest),
    digest,
    size,
    modified_at: modifiedMs === undefined ? undefined : momentText(modifiedMs),
    remote_host: remote?.host,
    remote_model: remote?.model,
  };
}
