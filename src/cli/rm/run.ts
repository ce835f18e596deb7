/** `pullama rm`: what went, what stayed, and why. */

import { asPullamaError, exitCodeOf, PullamaError } from "../../core/errors.ts";
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

/** What this command needs to be wired to besides a look at what is installed. */
export interface RmWire extends ModelsWire {
  /** Answers in the order of the names; no two are the same. */
  readonly removeModels: (
    modelsDir: string,
    names: readonly ModelName[],
  ) => Promise<readonly Removal[]>;
}

/** Removes the models that the user named. The exit code: that of the first failure. */
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
  const first = rows.find(({ error }) => error !== undefined)?.error;
  return first === undefined ? 0 : exitCodeOf(first.kind);
}

/** A row for every model, those given twice once. `same`: flags, after a blank, that lead to the same folder. */
async function removed(
  given: readonly string[],
  folder: string,
  same: string,
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
      ...(error && { error: await withHint(error, row.name, folder, same, wire) }),
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

/** A model that is not there has a hint at what may have been meant. */
async function withHint(
  error: PullamaError,
  name: ModelName | undefined,
  folder: string,
  same: string,
  wire: RmWire,
): Promise<PullamaError> {
  if (error.kind !== "not_found" || error.hint !== undefined || !name) return error;
  const installed = await (await wire.openModels(folder)).names();
  const shown = displayName(name);
  const tags = installed.map(displayName).filter((other) => untagged(other) === untagged(shown));
  const near = didYouMean(shown, installed.map(displayName));
  const hint = tags.length > 0
    ? `installed are ${tags.slice(0, 5).join(", ")}`
    : near !== undefined
    ? `did you mean ${near}`
    : `see what is installed with: pullama list${same}`;
  return new PullamaError(error.kind, error.message, { hint, cause: error });
}

function untagged(shown: string): string {
  return shown.slice(0, shown.lastIndexOf(":")).toLowerCase();
}

/** What went wrong, once for all models that it concerns; names that are none are in their messages. */
function failures(rows: readonly RmRow[]): Map<PullamaError, string[]> {
  const names = new Map<PullamaError, string[]>();
  for (const { error, name } of rows) {
    if (error === undefined) continue;
    names.set(error, [...names.get(error) ?? [], ...(name ? [displayName(name)] : [])]);
  }
  return names;
}
