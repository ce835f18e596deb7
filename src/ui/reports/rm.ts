/** The result of `rm`: a line for each model, or a document. */

import { exitCodeOf, type PullamaError } from "../../core/errors.ts";
import { displayName, fullName, type ModelName } from "../../core/name.ts";
import type { RemovedModel } from "../../core/reports/rm.ts";
import { formatSize } from "../../core/units.ts";
import { inspectText, jsonText } from "../text/json.ts";
import { type Glyphs, glyphs } from "../terminal/draw.ts";
import type { Mode } from "../mode.ts";
import { oneLine, redact } from "../text/redact.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { counted } from "../text/numbers.ts";

/** One of the given models. Has either `removed` or `error`; errors are also reported on stderr. */
export interface RmRow {
  readonly given: string;
  /** Undefined if `given` is not a valid name. */
  readonly name: ModelName | undefined;
  readonly removed?: RemovedModel;
  readonly error?: PullamaError;
}

export interface RmView {
  readonly mode: Mode;
  /** One line in total, with table and compact. */
  readonly quiet: boolean;
}

/** The removed models for `out`, by mode. */
export function rmText(
  rows: readonly RmRow[],
  out: Terminal,
  { mode, quiet }: RmView,
): string {
  if (mode === "json") return jsonText(rmDocument(rows));
  if (mode === "debug") return inspectText(rmDocument(rows), out.color);
  const g = glyphs(out.unicode);
  const models = removedOf(rows);
  if (rows.length === 1) return models.map((model) => removedLine(model, g, !quiet)).join("");
  const all = [`${models.length} of ${counted(rows.length, "model")} removed`, freed(rows)];
  const lines = quiet ? [] : models.map((model) => removedLine(model, g, true));
  return [...lines, `${all.join(g.separator)}\n`].join("");
}

function removedLine({ name, bytes, shared }: RemovedModel, g: Glyphs, full: boolean): string {
  const parts = [
    `removed ${displayName(name)}`,
    `${formatSize(bytes)} freed`,
    ...(full && shared > 0 ? [`${counted(shared, "shared blob")} kept`] : []),
  ];
  return `${parts.join(g.separator)}\n`;
}

function rmDocument(rows: readonly RmRow[]): unknown {
  return {
    removed: removedOf(rows).map(({ name, bytes, blobs, shared }) => ({
      name: displayName(name),
      full_name: fullName(name),
      freed_bytes: bytes,
      blobs,
      shared_blobs: shared,
    })),
    failed: rows.flatMap(({ given, name, error }) =>
      error === undefined ? [] : [{
        name: name === undefined ? oneLine(redact(given)) : displayName(name),
        ...(name && { full_name: fullName(name) }),
        kind: error.kind,
        exit_code: exitCodeOf(error.kind),
        message: oneLine(redact(error.message)),
        ...(error.hint !== undefined && { hint: oneLine(error.hint) }),
      }]
    ),
    freed_bytes: bytesOf(rows),
  };
}

function removedOf(rows: readonly RmRow[]): RemovedModel[] {
  return rows.flatMap(({ removed }) => removed ?? []);
}

function freed(rows: readonly RmRow[]): string {
  return `${formatSize(bytesOf(rows))} freed`;
}

function bytesOf(rows: readonly RmRow[]): number {
  return removedOf(rows).reduce((sum, { bytes }) => sum + bytes, 0);
}
