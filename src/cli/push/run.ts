/** `pullama push`: copies models into a registry. */

import { asPullamaError, exitCodeOfFirst, PullamaError } from "../../core/errors.ts";
import { displayName, type ModelName, parsePinned } from "../../core/name.ts";
import { mirrorOptions } from "../../setup/mirrors/urls.ts";
import { modelsDir } from "../../setup/models_dir.ts";
import type { Timetable } from "../../setup/pace/timetable.ts";
import { pushUrl } from "../../setup/push/address.ts";
import type { OpenPusher, PushEngine, PushOptions } from "../../setup/push/push.ts";
import { tokenHosts, trustedCertificates } from "../../setup/trust.ts";
import { batchSummaryText, type ModelOutcome } from "../../ui/pull/batch_summary.ts";
import { errorText, interruptedText } from "../../ui/text/message.ts";
import { displayOptions, type FolderFlags } from "../args/options.ts";
import { absolute, quotedWord, repeatPullFlags } from "../args/repeat_flags.ts";
import { type Host, outputs } from "../host/host.ts";
import type { ModelsWire } from "../host/models_wire.ts";
import { PushPrinter } from "./printer.ts";

/** The dependencies of this command. */
export interface PushWire extends ModelsWire {
  readonly openPusher: OpenPusher;
}

/** The parsed flags of this command. */
export interface PushFlags extends FolderFlags {
  readonly to: string;
  readonly all?: true | undefined;
  readonly fromRegistry?: true | undefined;
  readonly dryRun?: true | undefined;
  readonly insecure?: true | undefined;
  readonly connections: number;
  readonly limitRate?: Timetable | undefined;
  readonly maxRetries: number;
  readonly retryFor?: number | undefined;
  readonly timeout: number;
  readonly chunkSize: number;
  readonly caCert?: string | undefined;
  readonly tokenHost?: readonly string[] | undefined;
  readonly mirror?: readonly string[] | undefined;
}

/** The longest timeout of a timer: 24 days. */
const LONGEST_MS = 2 ** 31 - 1;

/** Pushes all models, one after another. Returns the exit code of the first failure, or 0. */
export async function runPush(
  given: readonly string[],
  flags: PushFlags,
  host: Host,
  wire: PushWire,
): Promise<number> {
  const options = optionsOf(flags, host);
  const models = await modelsOf(given, flags, options, wire);
  const display = displayOptions(flags);
  const { out, err } = outputs(host, display.color);
  const { soft: signal } = host.stop;
  const outcomes: ModelOutcome[] = [];
  await using engine = await wire.openPusher(options, signal);
  for (const name of models) outcomes.push(await pushed(name, engine, flags, host));
  const people = display.mode === "table" || display.mode === "compact";
  if (outcomes.length > 1 && people && !display.quiet && !options.dryRun) {
    out.write(batchSummaryText(outcomes, "pushed"));
  }
  const stopped = outcomes.some(({ ended }) => ended === "interrupted" || ended === "not started");
  if (stopped) err.write(interruptedText([againOf(given, flags, host)], err));
  return exitCodeOfFirst(outcomes);
}

async function pushed(
  name: ModelName,
  engine: PushEngine,
  flags: PushFlags,
  host: Host,
): Promise<ModelOutcome> {
  const display = displayOptions(flags);
  const { soft: signal } = host.stop;
  const printer = new PushPrinter(host, display);
  const given = displayName(name);
  if (signal.aborted) {
    printer.interrupted(name);
    return { given, name, ended: "not started" };
  }
  try {
    await engine.push(name, (event) => printer.event(event));
    printer.close();
    return { given, name, ended: "pulled" };
  } catch (caught) {
    if (signal.aborted) {
      printer.interrupted(name);
      return { given, name, ended: "interrupted" };
    }
    const error = asPullamaError(caught);
    printer.failed(name, error);
    const { err } = outputs(host, display.color);
    err.write(errorText(error, err, { doing: `push ${given}`, verbose: display.verbose }));
    return { given, name, ended: "failed", error };
  }
}

async function modelsOf(
  given: readonly string[],
  flags: PushFlags,
  { modelsDir }: PushOptions,
  wire: PushWire,
): Promise<readonly ModelName[]> {
  const all = flags.all ?? false;
  const hint = 'see "pullama help push"';
  if ((given.length > 0) === all) {
    const message = all
      ? "--all is all models: name none of them"
      : "name the models to push, or --all for all that are installed";
    throw new PullamaError("usage", message, { hint });
  }
  if (all && flags.fromRegistry) {
    throw new PullamaError("usage", "--all is all installed models: not with --from-registry", {
      hint,
    });
  }
  if (modelsDir === undefined || !all) return given.map(parsePinned);
  const models = await (await wire.openModels(modelsDir)).names();
  if (models.length > 0) return models;
  throw new PullamaError("not_found", `no models in ${modelsDir}`, {
    hint: "choose another folder with --models-dir",
  });
}

function optionsOf(flags: PushFlags, host: Host): PushOptions {
  const { fromRegistry = false, mirror, insecure = false, limitRate } = flags;
  const hint = 'see "pullama help push"';
  if (mirror !== undefined && !fromRegistry) {
    throw new PullamaError("usage", "--mirror is of use only with --from-registry", { hint });
  }
  if (flags.modelsDir !== undefined && fromRegistry) {
    throw new PullamaError("usage", "--models-dir is of no use with --from-registry", { hint });
  }
  const { mirrors = [] } = fromRegistry ? mirrorOptions(mirror, false, host.env) : {};
  return {
    modelsDir: fromRegistry ? undefined : absolute(modelsDir(flags.modelsDir, host), host),
    to: pushUrl(flags.to, insecure),
    mirrors,
    connections: flags.connections,
    chunkSize: flags.chunkSize,
    timeoutMs: Math.min(flags.timeout, LONGEST_MS),
    maxRetries: flags.maxRetries,
    retryForMs: flags.retryFor ?? 0,
    ...(limitRate !== undefined && { limitRate }),
    ...trustedCertificates(flags.caCert, host.env),
    tokenHosts: tokenHosts(flags.tokenHost, host.env),
    dryRun: flags.dryRun ?? false,
  };
}

/** The same command. */
function againOf(given: readonly string[], flags: PushFlags, host: Host): string {
  const models = flags.all ? ["--all"] : given.map((name) => quotedWord(name, host));
  return [
    "push",
    ...models,
    `--to ${quotedWord(flags.to, host)}`,
    ...(flags.fromRegistry ? ["--from-registry"] : []),
  ].join(" ") + repeatPullFlags(flags, host);
}
