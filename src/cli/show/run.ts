/** `pullama show`: details of an installed model, and warnings about missing blobs. */

import { asPullamaError, PullamaError } from "../../core/errors.ts";
import type { ModelDetails } from "../../core/reports/installed.ts";
import { displayName, type ModelName, parseName } from "../../core/name.ts";
import { modelsDir } from "../../setup/models_dir.ts";
import type { InstalledModels } from "../../setup/models.ts";
import { showText } from "../../ui/reports/show.ts";
import { warningText } from "../../ui/text/message.ts";
import { counted } from "../../ui/text/numbers.ts";
import { type Host, outputs } from "../host/host.ts";
import type { ModelsWire } from "../host/models_wire.ts";
import { didYouMean } from "../help/did_you_mean.ts";
import { displayOptions, type FolderFlags } from "../args/options.ts";
import { absolute, repeatFolderFlags } from "../args/repeat_flags.ts";

/** Shows the model `given`. Rejects with `not_found` if it is not installed. */
export async function runShow(
  given: string,
  flags: FolderFlags,
  host: Host,
  wire: ModelsWire,
): Promise<void> {
  const { mode, quiet, verbose, color } = displayOptions(flags);
  const { out, err } = outputs(host, color);
  const name = parseName(given);
  const pull = `pull it with: pullama pull ${displayName(name)}${repeatFolderFlags(flags, host)}`;
  const folder = modelsDir(flags.modelsDir, host);
  // The reader of a document may have another working directory.
  const models = await wire.openModels(mode === "json" ? absolute(folder, host) : folder);
  const model = await detailsOf(models, name, pull) ??
    await notInstalled(models, name, folder, pull);
  const nowMs = host.clock.date().getTime();
  out.write(showText(model, out, { mode, quiet, verbose, nowMs }));
  for (const fault of model.faults) err.write(warningText(fault, undefined, err));
  const absent = absentText(model);
  if (absent !== undefined) err.write(warningText(absent, pull, err));
}

async function detailsOf(
  models: InstalledModels,
  name: ModelName,
  pull: string,
): Promise<ModelDetails | undefined> {
  try {
    return await models.details(name);
  } catch (caught) {
    const error = asPullamaError(caught);
    if (error.kind !== "manifest") throw error;
    throw new PullamaError("manifest", error.message, { hint: pull, cause: error });
  }
}

/** Throws `not_found`, with the installed tags, a similar name or the pull command as hint. */
async function notInstalled(
  models: InstalledModels,
  name: ModelName,
  folder: string,
  pull: string,
): Promise<never> {
  const shown = displayName(name);
  const names = await models.names();
  const others = names
    .filter((one) => displayName({ ...one, tag: name.tag }) === shown)
    .map(displayName);
  const near = didYouMean(shown, names.map(displayName));
  throw new PullamaError("not_found", `cannot show ${shown}: it is not installed in ${folder}`, {
    hint: others.length > 0
      ? `installed tags: ${others.slice(0, 5).join(", ")}`
      : near !== undefined
      ? `did you mean ${near}`
      : pull,
  });
}

function absentText({ layers }: ModelDetails): string | undefined {
  const count = layers.filter(({ state }) => state !== "present").length;
  if (count === 0) return undefined;
  return `${count} of ${counted(layers.length, "blob")} missing or damaged`;
}
