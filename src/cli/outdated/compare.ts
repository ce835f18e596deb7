/** Asks registries for the manifests of installed models. */

import type { Digest } from "../../core/digest.ts";
import { asPullamaError, PullamaError } from "../../core/errors.ts";
import type { Emit } from "../../core/events.ts";
import { displayName, matchingName, type ModelName, parseName } from "../../core/name.ts";
import type { InstalledModel } from "../../core/reports/installed.ts";
import type { Comparison, OutdatedReport } from "../../core/reports/outdated.ts";
import { mapConcurrent } from "../../io/concurrency.ts";
import type { Engine } from "../../setup/engine.ts";
import { errorText, warningText } from "../../ui/text/message.ts";
import { type DisplayFlags, displayOptions, type FolderFlags } from "../args/options.ts";
import { repeatFolderFlags } from "../args/repeat_flags.ts";
import { type Host, outputs } from "../host/host.ts";
import type { PullWire } from "../pull/command.ts";
import type { RegistryFlags } from "../pull/flags.ts";
import { pullOptions } from "../pull/options.ts";
import type { FailedModel } from "../pull/run.ts";

/** The parsed flags of a comparison. */
export type OutdatedFlags = RegistryFlags & FolderFlags;

/** Manifests that are requested at a time. */
const AT_ONCE = 16;
/** What is about blobs, of which none is downloaded. */
const NO_BLOBS = {
  connections: 1,
  chunkSize: 1,
  timeout: 60_000,
  force: true,
  dryRun: true,
} as const;

/**
 * Compares the model that is installed as `installed`, by an engine for dry runs: only the manifest is requested. Rejects
 * with kind `interrupted` after a signal.
 */
async function compared(
  engine: Engine,
  name: ModelName,
  installed: Digest,
  emit: Emit,
): Promise<Comparison> {
  let found: Comparison | undefined;
  try {
    await engine.pull(name, (event) => {
      emit(event);
      if (event.event !== "dry_run") return;
      const { digest, toFetch } = event.result;
      found = digest === installed
        ? { status: "current" }
        : { status: "outdated", available: digest, toDownload: toFetch };
    });
    return found!;
  } catch (caught) {
    const error = asPullamaError(caught);
    if (error.kind === "interrupted") throw error;
    return { status: error.kind === "not_found" ? "unknown" : "failed", error };
  }
}

/** The given models, or all, beside what their registries have. Rejects with kind `interrupted` after a signal. */
export async function compareAll(
  given: readonly string[],
  flags: OutdatedFlags,
  host: Host,
  wire: PullWire,
): Promise<OutdatedReport> {
  const names = given.map(parseName);
  const options = pullOptions({ ...flags, ...NO_BLOBS }, host);
  const { models } = await (await wire.openModels(options.modelsDir)).list();
  const found = names.map((name) => matchingName(models, name));
  const chosen = names.length > 0 ? [...new Set(found.flat())] : models;
  const notInstalled = names.filter((_, i) => found[i]!.length === 0);
  if (chosen.length === 0) return { models: [], notInstalled };
  await using engine = await wire.openEngine(options, host.stop);
  const emit = warningsOf(flags, host);
  const compare = async ({ name, digest }: InstalledModel) => ({
    name,
    installed: digest,
    comparison: await compared(engine, name, digest, emit),
  });
  return { models: await mapConcurrent(chosen, AT_ONCE, compare), notInstalled };
}

/** Of all events only warnings are shown, each once. */
function warningsOf(flags: DisplayFlags, host: Host): Emit {
  const { err } = outputs(host, displayOptions(flags).color);
  const said = new Set<string>();
  return (event) => {
    if (event.event !== "warning" || said.has(event.message)) return;
    said.add(event.message);
    err.write(warningText(event.message, event.hint, err));
  };
}

/** Reports all failures and returns them. A model that its registry does not have is one only if it was named. */
export function reportFailures(
  { models, notInstalled }: OutdatedReport,
  named: boolean,
  flags: OutdatedFlags,
  host: Host,
): readonly FailedModel[] {
  const { verbose, color } = displayOptions(flags);
  const { err } = outputs(host, color);
  const failed: FailedModel[] = [];
  const say = (error: PullamaError, name: ModelName) => {
    failed.push({ name, error });
    err.write(errorText(error, err, { doing: `compare ${displayName(name)}`, verbose }));
  };
  for (const { name, comparison } of models) {
    if (comparison.status === "failed") say(comparison.error, name);
    if (comparison.status === "unknown" && named) say(comparison.error, name);
  }
  for (const name of notInstalled) {
    const hint = `list installed models with: pullama list${repeatFolderFlags(flags, host)}`;
    say(new PullamaError("not_found", "it is not installed", { hint }), name);
  }
  return failed;
}
