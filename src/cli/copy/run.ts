/** `pullama cp` and `pullama mv`: copies installed models into another folder, and removes those that were moved. */

import { exitCodeOfFirst, PullamaError } from "../../core/errors.ts";
import type { Digest } from "../../core/digest.ts";
import { displayName, fullName, type ModelName } from "../../core/name.ts";
import type { CopyOptions, OpenCopier } from "../../setup/local/copy.ts";
import { modelsDir } from "../../setup/models_dir.ts";
import { errorText, interruptedText } from "../../ui/text/message.ts";
import { batchSummaryText, type ModelOutcome } from "../../ui/pull/batch_summary.ts";
import { COPY } from "../../ui/pull/verb.ts";
import { removedText } from "../../ui/reports/moved.ts";
import { type DisplayFlags, displayOptions } from "../args/options.ts";
import { absolute, quotedWord, repeatFolderFlags } from "../args/repeat_flags.ts";
import type { Host } from "../host/host.ts";
import type { Engine } from "../../setup/engine.ts";
import { createPuller, notStarted, pullEach, type Puller } from "../pull/puller.ts";
import type { RmWire } from "../rm/run.ts";

/** The dependencies of these commands. */
export interface CopyWire extends RmWire {
  readonly openCopier: OpenCopier;
}

/** The parsed flags. */
export interface CopyFlags extends DisplayFlags {
  readonly modelsDir?: string | undefined;
  readonly all?: true | undefined;
  readonly force?: true | undefined;
  readonly limitRate?: number | undefined;
}

/** Copies or moves the models of `words` to the folder that is the last of them. Returns the exit code. */
export async function runCopy(
  act: "cp" | "mv",
  words: readonly string[],
  flags: CopyFlags,
  host: Host,
  wire: CopyWire,
): Promise<number> {
  const display = displayOptions(flags);
  const { given, to } = targetOf(act, words, flags);
  const from = absolute(modelsDir(flags.modelsDir, host), host);
  const { limitRate, force = false } = flags;
  const options: CopyOptions = {
    from,
    modelsDir: absolute(to, host),
    force,
    ...(limitRate !== undefined && { limitRate }),
  };
  const models = distinct(flags.all ? await allOf(from, wire) : given);
  /** What was copied of each model: only that is removed. */
  const copies = new Map<string, Digest>();
  const puller = createPuller({
    options: { modelsDir: from, dryRun: false },
    display,
    verb: COPY,
    commands: [],
    host,
    openEngine: async (stop) => noting(await wire.openCopier(options, stop), copies),
    openModels: wire.openModels,
  });
  const { out, err } = puller;
  const people = display.mode === "table" || display.mode === "compact";
  const outcomes = await copied(models, puller, host);
  if (models.length === 0 && people) err.write(`no models in ${from}\n`);
  if (outcomes.length > 1 && people && !display.quiet) {
    out.write(batchSummaryText(outcomes, "copied"));
  }
  const done = outcomes.flatMap(({ name, ended }): ModelName[] => {
    const digest = name && ended === "pulled" ? copies.get(fullName(name)) : undefined;
    return digest ? [{ ...name!, digest }] : [];
  });
  const removals = act === "mv" && done.length > 0 ? await wire.removeModels(from, done) : [];
  out.write(removedText(removals, out, { ...display, from, date: host.clock.date() }));
  for (const { name, error } of removals) {
    if (!error) continue;
    const doing = `remove ${displayName(name)} from ${from}`;
    err.write(errorText(error, err, { doing, verbose: display.verbose }));
  }
  if (outcomes.some(({ ended }) => ended === "interrupted" || ended === "not started")) {
    const gone = new Set(removals.flatMap(({ name, removed }) => removed ? fullName(name) : []));
    const left = outcomes.filter(({ name }) => !name || !gone.has(fullName(name)));
    const words = flags.all ? ["--all"] : left.map(({ given }) => quotedWord(given, host));
    const again = [act, ...words, quotedWord(to, host), ...(force ? ["--force"] : [])].join(" ");
    err.write(interruptedText([again + repeatFolderFlags(flags, host)], err));
  }
  return exitCodeOfFirst([...outcomes, ...removals]);
}

/**
 * The same engine; what it has copied is put into `copies`, by full names. Of two names that differ only in case the
 * second one fails: Ollama stores both as one model, so it would replace the first.
 */
function noting(engine: Engine, copies: Map<string, Digest>): Engine {
  return {
    async pull(name, emit) {
      const key = fullName(name).toLowerCase();
      const other = [...copies.keys()].find((one) => one.toLowerCase() === key);
      if (other !== undefined) {
        throw new PullamaError("usage", `it differs from ${other} only in case`, {
          hint: "copy it to another folder: Ollama takes both for one model",
        });
      }
      const summary = await engine.pull(name, emit);
      if (summary) copies.set(fullName(name), summary.digest);
      return summary;
    },
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  };
}

/** Each model once, however it is written; what is no name is left for its error. */
function distinct(given: readonly string[]): readonly string[] {
  const keys = given.map((text) => keyOf(text) ?? text);
  return given.filter((_, i) => keys.indexOf(keys[i]!) === i);
}

function keyOf(given: string): string | undefined {
  const { name } = notStarted(given);
  return name && fullName(name);
}

async function copied(
  models: readonly string[],
  puller: Puller,
  host: Host,
): Promise<readonly ModelOutcome[]> {
  await using opened = puller;
  // An error about the folders is not one of the first model.
  if (models.length > 0) await opened.open();
  return await pullEach(opened, models, host.stop);
}

/** Throws `usage` where models or the folder are missing. */
function targetOf(
  act: "cp" | "mv",
  words: readonly string[],
  flags: CopyFlags,
): { readonly given: readonly string[]; readonly to: string } {
  const all = flags.all ?? false;
  const given = words.slice(0, -1);
  if ((given.length > 0) !== all) return { given, to: words.at(-1)! };
  const message = all
    ? `--all is all models: name none of them, only the folder to ${WORDS[act]} them to`
    : `name the models to ${
      WORDS[act]
    }, or --all for all of them, and then the other models folder`;
  throw new PullamaError("usage", message, { hint: `see "pullama help ${act}"` });
}

const WORDS = { cp: "copy", mv: "move" } as const;

async function allOf(from: string, wire: CopyWire): Promise<readonly string[]> {
  return (await (await wire.openModels(from)).names()).map(displayName);
}
