/** `pullama list`: installed models, and warnings about manifests that cannot be read. */

import type { Inventory } from "../../core/reports/installed.ts";
import { PullamaError } from "../../core/errors.ts";
import { displayName, type ModelName } from "../../core/name.ts";
import { quoted } from "../../core/quote.ts";
import { modelsDir } from "../../setup/models_dir.ts";
import { listText } from "../../ui/reports/list.ts";
import type { ListMode } from "../../ui/mode.ts";
import { partialText } from "../../ui/reports/partial.ts";
import { warningText } from "../../ui/text/message.ts";
import { counted } from "../../ui/text/numbers.ts";
import { type Host, outputs } from "../host/host.ts";
import type { ModelsWire } from "../host/models_wire.ts";
import { type FolderFlags, modelsDirWarnings } from "../args/options.ts";
import { absolute, repeatFolderFlags } from "../args/repeat_flags.ts";

/** The parsed flags of this command. */
export interface ListFlags extends Omit<FolderFlags, "output"> {
  readonly output: ListMode;
  readonly digests?: true | undefined;
  readonly partial?: true | undefined;
}

const ONLY_INSTALLED = "--digests and --output lock are for installed models, without --partial";

/** Lists the models whose names begin with `prefix`. Rejects if the folder cannot be read. */
export async function runList(
  prefix: string | undefined,
  flags: ListFlags,
  host: Host,
  wire: ModelsWire,
): Promise<void> {
  const { output: mode, quiet = false, verbose = false, digests = false, color } = flags;
  const { out, err } = outputs(host, color);
  const folder = modelsDir(flags.modelsDir, host);
  // The reader of a document may have another working directory.
  const models = await wire.openModels(mode === "json" ? absolute(folder, host) : folder);
  const nowMs = host.clock.date().getTime();
  const view = { mode, quiet, verbose, digests, nowMs };
  if (flags.partial) {
    if (digests || mode === "lock") throw new PullamaError("usage", ONLY_INSTALLED);
    const partial = (await models.partial()).filter(beginning(prefix ?? ""));
    out.write(partialText(partial, out, view));
    if (partial.length === 0 && !quiet && mode !== "json") err.write("no partial downloads\n");
    return;
  }
  const inventory = await models.list(digests);
  const shown = withPrefix(inventory, prefix ?? "");
  out.write(listText(shown, out, view));
  for (const { message, hint } of modelsDirWarnings(flags.modelsDir, host)) {
    err.write(warningText(message, hint, err));
  }
  for (const { message, hint } of warningsOf(shown, repeatFolderFlags(flags, host))) {
    err.write(warningText(message, hint, err));
  }
  const note = shown.models.length > 0 || quiet
    ? undefined
    : nothingText(inventory, folder, prefix);
  if (note !== undefined && mode !== "json") err.write(`${note}\n`);
}

/** Compares as `ollama list` does: with the displayed name, ignoring case. */
function withPrefix(inventory: Inventory, prefix: string): Inventory {
  const begins = beginning(prefix);
  return {
    models: inventory.models.filter(begins),
    broken: inventory.broken.filter(begins),
    hidden: inventory.hidden.filter(begins),
  };
}

function beginning(prefix: string): (one: { readonly name?: ModelName }) => boolean {
  const start = prefix.toLowerCase();
  return ({ name }) =>
    start === "" || (name !== undefined && displayName(name).toLowerCase().startsWith(start));
}

/** `flags`: the flags to repeat in suggested commands, after a blank. */
function warningsOf(
  { broken, hidden }: Inventory,
  flags: string,
): { message: string; hint: string }[] {
  return [
    ...broken.map(({ reason, name }) => ({
      message: reason,
      hint: name === undefined
        ? "move the file elsewhere: an Ollama server may mistake it for a model"
        : `pull the model again: pullama pull ${displayName(name)}${flags}`,
    })),
    ...(hidden.length === 0 ? [] : [{
      message: `${counted(hidden.length, "manifest")} hidden by others of the same name in ` +
        `manifests-v2: ${firstOf(hidden.map(({ name }) => displayName(name)))}`,
      hint: "an Ollama server that supports manifests-v2 uses the others, which are listed",
    }]),
  ];
}

function firstOf(names: readonly string[]): string {
  const first = names.slice(0, 5).join(", ");
  return names.length > 5 ? `${first} and ${names.length - 5} more` : first;
}

function nothingText({ models }: Inventory, folder: string, prefix = ""): string {
  return models.length === 0
    ? `no models in ${folder}`
    : `no installed model begins with ${quoted(prefix)}`;
}
