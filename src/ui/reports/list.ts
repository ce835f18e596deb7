/** Installed models as a table, as names, or as a document. */

import { shortId } from "../../core/digest.ts";
import type { Descriptor } from "../../core/manifest.ts";
import type { InstalledModel, Inventory } from "../../core/reports/installed.ts";
import { displayName, fullName } from "../../core/name.ts";
import { formatSize } from "../../core/units.ts";
import { agoText, momentText } from "../text/age.ts";
import { columnsText } from "../text/columns.ts";
import { inspectText, jsonText } from "../text/json.ts";
import type { ListMode } from "../mode.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** How a list is shown. */
export interface ListView {
  readonly mode: ListMode;
  /** Only names, with table and compact; with `digests` only digests. */
  readonly quiet: boolean;
  /** Blobs as well, and whole digests instead of IDs. */
  readonly digests?: boolean;
  /** Times, digests and texts in full. */
  readonly verbose: boolean;
  /** The current time in milliseconds since 1970. */
  readonly nowMs: number;
}

const HEADER = ["NAME", "ID", "SIZE", "MODIFIED"];

const FULL_HEADER = ["NAME", "DIGEST", "SIZE", "MODIFIED"];

/** The inventory for `out`, by mode. Names are not truncated in a pipe, and digests nowhere. */
export function listText(inventory: Inventory, out: Terminal, view: ListView): string {
  const { mode, quiet, digests = false } = view;
  const { models } = inventory;
  if (mode === "lock") return lockText(models);
  if (mode === "json") return jsonText(listDocument(inventory, digests));
  if (mode === "debug") return inspectText(listDocument(inventory, digests), out.color);
  if (quiet) {
    return (digests ? digestsOf(models) : namesOf(models)).map((one) => `${one}\n`).join("");
  }
  const rows = models.flatMap((model) => [rowOf(model, view), ...blobRows(model, view)]);
  const header = mode === "compact" ? [] : digests ? FULL_HEADER : HEADER;
  const cells = out.interactive && !digests ? out.columns() : Infinity;
  return columnsText(header, rows, cells, { ascii: !out.unicode });
}

/** One pinned name per line, in the order of the names: equal folders have equal texts. */
function lockText(models: readonly InstalledModel[]): string {
  const lines = models.map(({ name, digest }) => `${displayName(name)}@${digest}\n`);
  return ["# for: pullama pull --from-file\n", ...lines.sort()].join("");
}

function namesOf(models: readonly InstalledModel[]): readonly string[] {
  return models.map(({ name }) => displayName(name));
}

/** Those of all manifests and blobs, each once. */
function digestsOf(models: readonly InstalledModel[]): readonly string[] {
  const all = models.flatMap(({ digest, blobs = [] }) => [
    digest,
    ...blobs.map((blob) => blob.digest),
  ]);
  return [...new Set(all)];
}

function blobRows({ blobs = [] }: InstalledModel, { digests = false }: ListView): string[][] {
  return digests ? blobs.map(({ digest, size }) => ["", digest, formatSize(size)]) : [];
}

/** The size, or `-` for a model that runs on another machine, as in `ollama list`. */
export function sizeText({ size, remote }: Pick<InstalledModel, "size" | "remote">): string {
  return size === undefined || remote !== undefined ? "-" : formatSize(size);
}

/** The time it was written: as an age, or in full with `verbose`. */
export function modifiedText(
  { modifiedMs }: Pick<InstalledModel, "modifiedMs">,
  { verbose, nowMs }: Pick<ListView, "verbose" | "nowMs">,
): string {
  if (modifiedMs === undefined) return "Never";
  return verbose ? momentText(modifiedMs) : agoText(nowMs - modifiedMs);
}

function rowOf(model: InstalledModel, view: ListView): string[] {
  return [
    displayName(model.name),
    view.digests ? model.digest : shortId(model.digest),
    sizeText(model),
    modifiedText(model, view),
  ];
}

/** Uses the field names of Ollama's API where it has them. */
function listDocument({ models, broken, hidden }: Inventory, digests: boolean): unknown {
  return {
    models: models.map((model) => ({
      ...modelFields(model),
      blobs: digests ? model.blobs?.map(blobFields) : undefined,
    })),
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

function blobFields({ digest, size, mediaType }: Descriptor): Readonly<Record<string, unknown>> {
  return { digest, size, media_type: mediaType };
}
