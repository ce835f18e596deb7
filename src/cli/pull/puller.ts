/** Pulls models, shows their progress, and reports warnings and errors. */

import { asPullamaError, type Kind, PullamaError } from "../../core/errors.ts";
import type { Emit, PullEvent } from "../../core/events.ts";
import { DEFAULT_TAG, displayName, type ModelName, parsePinned } from "../../core/name.ts";
import type { Stop } from "../../core/stop.ts";
import type { Engine } from "../../setup/engine.ts";
import type { PullOptions } from "../../setup/options.ts";
import { errorText, warningText } from "../../ui/text/message.ts";
import { createRenderer } from "../../ui/pull/modes.ts";
import type { ModelOutcome } from "../../ui/pull/batch_summary.ts";
import { PULL, type Verb } from "../../ui/pull/verb.ts";
import { paceText } from "../../ui/text/waits.ts";
import { paintWith } from "../../ui/terminal/paint.ts";
import type { Terminal } from "../../ui/terminal/terminal.ts";
import { type Host, outputs } from "../host/host.ts";
import type { ModelsWire } from "../host/models_wire.ts";
import { didYouMean } from "../help/did_you_mean.ts";
import type { DisplayOptions } from "../args/options.ts";

/** Errors after which it is unknown whether the model exists. */
const UNREACHABLE: readonly Kind[] = ["network", "timeout", "unavailable"];

export interface PullerParts {
  readonly options: Pick<PullOptions, "modelsDir" | "dryRun">;
  readonly display: DisplayOptions;
  /** Tell the terminal when all is done, or has failed. */
  readonly notify?: boolean;
  /** What it is called; default a pull. */
  readonly verb?: Verb;
  /** Commands to suggest for a model that does not exist. */
  readonly commands: readonly string[];
  readonly host: Host;
  readonly openEngine: (stop: Stop) => Promise<Engine>;
  readonly openModels: ModelsWire["openModels"];
}

export interface Puller extends AsyncDisposable {
  /** Stdout and stderr, without escape sequences if `--no-color` is given. */
  readonly out: Terminal;
  readonly err: Terminal;
  /** Shows an event, and writes warnings to stderr. */
  readonly emit: Emit;
  /** Opens the engine before the first pull. Rejects if it cannot be opened. */
  open(): Promise<void>;
  /**
   * Pulls the model `given` on the command line, and reports its error, if any. `place`, such as
   * `2/3`, is shown in the title. Never rejects.
   */
  pull(given: string, place?: string): Promise<ModelOutcome>;
  /**
   * A model that is not started after an interruption: json and debug get the events of an
   * interrupted pull.
   */
  leave(given: string): ModelOutcome;
}

/** Creates a puller; disposing of it restores the terminal and closes the engine. */
export function createPuller(parts: PullerParts): Puller {
  const { options, display, host, verb = PULL } = parts;
  const { out, err } = outputs(host, display.color);
  const { quiet, verbose, mode } = display;
  const { dryRun } = options;
  const people = mode === "table" || mode === "compact";
  let currentPlace: string | undefined;
  const place = () => currentPlace;
  const renderer = createRenderer(mode, out, { quiet, verbose, dryRun, place, verb }, host.clock);
  let engine: Engine | undefined;

  function emit(event: PullEvent): void {
    renderer.event(event);
    if (event.event === "warning") err.write(warningText(event.message, event.hint, err));
    // Whatever is not shown: it may wait for ever.
    const isHidden = quiet || mode === "compact";
    if (event.event === "pace" && event.closed && isHidden) {
      err.write(warningText(paceText(event), undefined, err));
    }
  }

  /** Suggests `command` once, as soon as the registry cannot be reached. */
  function suggester(command: string | undefined): (error: PullamaError) => void {
    let pending = command !== undefined;
    return ({ kind }) => {
      if (!pending || !UNREACHABLE.includes(kind)) return;
      pending = false;
      const message = suggestion(command!);
      // A warning clears the live lines.
      if (people) renderer.event({ event: "warning", message, hint: undefined });
      err.write(`${paintWith(err.color).faint("hint:")} ${message}\n`);
    };
  }

  async function opened(): Promise<Engine> {
    return engine ??= await parts.openEngine(host.stop);
  }

  return {
    out,
    err,
    emit,
    async open() {
      await opened();
    },
    async pull(given, place) {
      currentPlace = place;
      let name: ModelName | undefined;
      const command = await meantCommand(given, parts);
      // The exact name of a command means the model of that name, unless there is none.
      const suggest = suggester(parts.commands.includes(given) ? undefined : command);
      try {
        name = parsePinned(given);
        await (await opened()).pull(name, (event) => {
          if (event.event === "retry" || event.event === "waiting") suggest(event.error);
          emit(event);
        });
        return { given, name, ended: "pulled" };
      } catch (caught) {
        const error = await withSuggestion(asPullamaError(caught), given, command, parts);
        if (error.kind === "interrupted") return { given, name, ended: "interrupted" };
        emit({ event: "pull_failed", name, given, error });
        const doing = name === undefined ? {} : { doing: `${verb.act} ${displayName(name)}` };
        err.write(errorText(error, err, { ...doing, verbose }));
        suggest(error);
        return { given, name, ended: "failed", error };
      }
    },
    leave(given) {
      const outcome = notStarted(given);
      const { name } = outcome;
      if (name !== undefined && !people) {
        emit({ event: "pull_start", name });
        emit({ event: "pull_interrupted", name, kept: 0, size: 0 });
      }
      return outcome;
    },
    async [Symbol.asyncDispose]() {
      renderer.close();
      await engine?.[Symbol.asyncDispose]();
    },
  };
}

/** Pulls one model after another; after an interruption the rest is left. */
export async function pullEach(
  puller: Puller,
  models: readonly string[],
  stop: Stop,
): Promise<readonly ModelOutcome[]> {
  const outcomes: ModelOutcome[] = [];
  for (const [k, given] of models.entries()) {
    const place = models.length > 1 ? `${k + 1}/${models.length}` : undefined;
    const stopped = stop.soft.aborted || outcomes.at(-1)?.ended === "interrupted";
    outcomes.push(stopped ? puller.leave(given) : await puller.pull(given, place));
  }
  return outcomes;
}

/** The outcome of a model whose pull was not started. */
export function notStarted(given: string): ModelOutcome {
  try {
    return { given, name: parsePinned(given), ended: "not started" };
  } catch {
    return { given, name: undefined, ended: "not started" };
  }
}

/**
 * The command that `given` may be a misspelling of; undefined if a model of that name is installed.
 */
async function meantCommand(given: string, parts: PullerParts): Promise<string | undefined> {
  // A single letter is close to every short word.
  if (given.length < 2 || /[:/]/.test(given)) return undefined;
  const command = didYouMean(given, parts.commands);
  if (command === undefined) return undefined;
  const own = `${given}:${DEFAULT_TAG}`;
  return (await installedNames(parts)).includes(own) ? undefined : command;
}

function suggestion(command: string): string {
  return `did you mean the command: pullama ${command}`;
}

/**
 * Adds a hint to `not_found`, if the name may be a misspelling of a command or of an installed
 * model.
 */
async function withSuggestion(
  error: PullamaError,
  given: string,
  command: string | undefined,
  parts: PullerParts,
): Promise<PullamaError> {
  if (error.kind !== "not_found" || given.length < 2) return error;
  const hinted = (hint: string) =>
    new PullamaError(error.kind, error.message, { hint, cause: error });
  if (command !== undefined) return hinted(suggestion(command));
  const model = didYouMean(displayName(parsePinned(given)), await installedNames(parts));
  return model === undefined ? error : hinted(`did you mean ${model}, which is installed`);
}

/** Empty if they cannot be read: the pull itself reports that error. */
async function installedNames({ openModels, options }: PullerParts): Promise<readonly string[]> {
  try {
    return (await (await openModels(options.modelsDir)).names()).map(displayName);
  } catch {
    return [];
  }
}
