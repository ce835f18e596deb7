/** `pullama rm`: removes models, and reports the result of each. */

import { asPullamaError, exitCodeOfFirst, PullamaError } from "../../core/errors.ts";
import { displayName, fullName, type ModelName, parseName } from "../../core/name.ts";
import type { Removal } from "../../core/reports/rm.ts";
import { modelsDir } from "../../setup/models_dir.ts";
import { errorText } from "../../ui/text/message.ts";
import { type RmRow, rmText } from "../../ui/reports/rm.ts";
import { type Host, outputs } from "../host/host.ts";
import type { ModelsWire } from "../host/models_wire.ts";
import { didYouMean } from "../help/did_you_mean.ts";
import { displayOptions, type FolderFlags } from "../args/options.ts";
import { repeatFolderFlags } from "../args/repeat_flags.ts";

/** The dependencies of this command. */
export interface RmWire extends ModelsWire {
  /** Returns results in the order of `names`, which must be distinct. */
  readonly removeModels: (
    modelsDir: string,
    names: readonly ModelName[],
  ) => Promise<readonly Removal[]>;
}

/** Removes the given models. Returns the exit code of the first failure, or 0. */
export async function runRm(
  given: readonly string[],
  flags: FolderFlags,
  host: Host,
  wire: RmWire,
): Promise<number> {
  const { mode, quiet, verbose, color } = displayOptions(flags);
  const { out, err } = outputs(host, color);
  const folder = modelsDir(flags.modelsDir, host);
  const rows = await removed(given, folder, repeatFolderFlags(flags, host), wire);
  out.write(rmText(rows, out, { mode, quiet }));
  for (const [error, names] of failures(rows)) {
    const doing = names.length > 0 ? { doing: `remove ${names.join(", ")}` } : {};
    err.write(errorText(error, err, { ...doing, verbose }));
  }
  return exitCodeOfFirst(rows);
}

/**
 * A row for every distinct model. `flags`: the flags to repeat in suggested commands, after a
 * blank.
 */
async function removed(
  given: readonly string[],
  folder: string,
  flags: string,
  wire: RmWire,
): Promise<RmRow[]> {
  const parsed = given.map(parse);
  const names = new Map(parsed.flatMap(({ name }) => name ? [[fullName(name), name]] : []));
  const removals = new Map<string, Removal>();
  for (const removal of await wire.removeModels(folder, [...names.values()])) {
    removals.set(fullName(removal.name), removal);
  }
  const rows: RmRow[] = [];
  for (const row of parsed) {
    const removal = row.name && removals.get(fullName(row.name));
    if (row.name && !removal) continue;
    if (row.name) removals.delete(fullName(row.name));
    const error = removal?.error ?? row.error;
    rows.push({
      ...row,
      ...(removal?.removed && { removed: removal.removed }),
      ...(error && { error: await withHint(error, row.name, folder, flags, wire) }),
    });
  }
  return rows;
}

function parse(given: string): RmRow {
  try {
    return { given, name: parseName(given) };
  } catch (error) {
    return { given, name: undefined, error: asPullamaError(error) };
  }
}

/**
 * Adds a hint to `not_found`: the installed tags, a similar name, or the command that lists models.
 */
async function withHint(
  error: PullamaError,
  name: ModelName | undefined,
  folder: string,
  flags: string,
  wire: RmWire,
): Promise<PullamaError> {
  if (error.kind !== "not_found" || error.hint !== undefined || !name) return error;
  const installed = await (await wire.openModels(folder)).names();
  const shown = displayName(name);
  const tags = installed.map(displayName).filter((other) => untagged(other) === untagged(shown));
  const near = didYouMean(shown, installed.map(displayName));
  const hint = tags.length > 0
    ? `installed tags: ${tags.slice(0, 5).join(", ")}`
    : near !== undefined
    ? `did you mean ${near}`
    : `list installed models with: pullama list${flags}`;
  return new PullamaError(error.kind, error.message, { hint, cause: error });
}

function untagged(shown: string): string {
  return shown.slice(0, shown.lastIndexOf(":")).toLowerCase();
}

/** Each error once, with the models it concerns; invalid names are already in their messages. */
function failures(rows: readonly RmRow[]): Map<PullamaError, string[]> {
  const names = new Map<PullamaError, string[]>();
  for (const { error, name } of rows) {
    if (error === undefined) continue;
    names.set(error, [...names.get(error) ?? [], ...(name ? [displayName(name)] : [])]);
  }
  return names;
}
