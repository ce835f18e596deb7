/** What is installed: as a table, one line each, or a document. */

import { shortId } from "../../core/digest.ts";
import type { InstalledModel, Inventory } from "../../core/reports/installed.ts";
import { displayName, fullName } from "../../core/name.ts";
import { formatSize } from "../../core/units.ts";
import { agoText, momentText } from "../text/age.ts";
import { columnsText } from "../text/columns.ts";
import { inspectText, jsonText } from "../text/json.ts";
import type { Mode } from "../mode.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** How an answer is shown. */
export interface ListView {
  readonly mode: Mode;
  /** Nothing but names, in the modes for people. */
  readonly quiet: boolean;
  /** Also what takes room. */
  readonly verbose: boolean;
  /** The time of day, in milliseconds since 1970. */
  readonly nowMs: number;
}

const HEADER = ["NAME", "ID", "SIZE", "MODIFIED"];

/** The inventory as `out` can show it. A pipe gets whole names, however long they are. */
export function listText(inventory: Inventory, out: Terminal, view: ListView): string {
  const { mode, quiet } = view;
  if (mode === "json") return jsonText(listingDocument(inventory));
  if (mode === "debug") return inspectText(listingDocument(inventory), out.color);
  if (quiet) return inventory.models.map(({ name }) => `${displayName(name)}\n`).join("");
  const rows = inventory.models.map((model) => rowOf(model, view));
  const cells = out.interactive ? out.columns() : Infinity;
  return columnsText(mode === "compact" ? [] : HEADER, rows, cells, { ascii: !out.unicode });
}

/** Cells for size and time. A model that runs elsewhere has no size, as in `ollama list`. */
export function sizeText({ size, remote }: Pick<InstalledModel, "size" | "remote">): string {
  return size === undefined || remote !== undefined ? "-" : formatSize(size);
}

/** When it was written: how long ago, or in full. */
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

/** In the words of Ollama's own interface, where it has one. */
function listingDocument({ models, broken, hidden }: Inventory): unknown {
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

/** What every document says of a model. */
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
