/** Pulls models for a person: what happens is shown, and what goes wrong is said. */

import { asPullamaError, type Kind, PullamaError } from "../../core/errors.ts";
import type { Emit, PullEvent } from "../../core/events.ts";
import { DEFAULT_TAG, displayName, type ModelName, parseName } from "../../core/name.ts";
import type { Engine, OpenEngine } from "../../setup/engine.ts";
import type { PullOptions } from "../../setup/options.ts";
import { errorText, warningText } from "../../ui/text/message.ts";
import { createRenderer } from "../../ui/pull/modes.ts";
import type { ModelOutcome } from "../../ui/pull/batch_summary.ts";
import { paintWith } from "../../ui/terminal/paint.ts";
import type { Terminal } from "../../ui/terminal/terminal.ts";
import { type Host, outputs } from "../host/host.ts";
import type { ModelsWire } from "../host/models_wire.ts";
import { didYouMean } from "../help/did_you_mean.ts";
import type { DisplayOptions } from "../args/options.ts";

/** Nobody was there to say whether there is such a model. */
const OUT_OF_REACH: readonly Kind[] = ["network", "timeout", "unavailable"];

export interface PullerParts {
  readonly options: PullOptions;
  readonly display: DisplayOptions;
  /** Words that somebody may have meant who gave the name of a model that does not exist. */
  readonly commands: readonly string[];
  readonly host: Host;
  readonly openEngine: OpenEngine;
  readonly openModels: ModelsWire["openModels"];
}

export interface Puller extends AsyncDisposable {
  /** Stdout and stderr as the user wants to see them. */
  readonly out: Terminal;
  readonly err: Terminal;
  /** Shows what happens, and says warnings on stderr. */
  readonly emit: Emit;
  /** Opens the engine before the first pull does. Rejects with what stands in its way. */
  open(): Promise<void>;
  /**
   * Pulls one model, named as the user did, and says how that went wrong if it did. `place` is shown with
   * it, such as `2/3`. Never rejects.
   */
  pull(given: string, place?: string): Promise<ModelOutcome>;
  /** A model that is not begun any more: for programs it ends like one that was stopped at its very beginning. */
  leave(given: string): ModelOutcome;
}

/** A puller; the screen is given back and the engine closed when it is disposed. */
export function createPuller(parts: PullerParts): Puller {
  const { options, display, host } = parts;
  const { out, err } = outputs(host, display.color);
  const { quiet, verbose, mode } = display;
  const { dryRun } = options;
  const people = mode === "table" || mode === "compact";
  let at: string | undefined;
  const place = () => at;
  const renderer = createRenderer(mode, out, { quiet, verbose, dryRun, place }, host.clock);
  let engine: Engine | undefined;

  function emit(event: PullEvent): void {
    renderer.event(event);
    if (event.event === "warning") err.write(warningText(event.message, event.hint, err));
  }

  /** What the user may have meant, as soon as the network makes them wait for an answer. */
  function slipSaid(command: string | undefined): (trouble: PullamaError) => void {
    let open = command !== undefined;
    return ({ kind }) => {
      if (!open || !OUT_OF_REACH.includes(kind)) return;
      open = false;
      const message = meaning(command!);
      // The screen makes way for it as it does for a warning.
      if (people) renderer.event({ event: "warning", message, hint: undefined });
      err.write(`${paintWith(err.color).faint("hint:")} ${message}\n`);
    };
  }

  async function opened(): Promise<Engine> {
    return engine ??= await parts.openEngine(options, host.stop);
  }

  return {
    out,
    err,
    emit,
    async open() {
      await opened();
    },
    async pull(given, place) {
      at = place;
      let name: ModelName | undefined;
      const command = await meantCommand(given, parts);
      // Who writes the name of a command where a model belongs means the model, until there is none.
      const saySlip = slipSaid(parts.commands.includes(given) ? undefined : command);
      try {
        name = parseName(given);
        await (await opened()).pull(name, (event) => {
          if (event.event === "retry" || event.event === "waiting") saySlip(event.error);
          emit(event);
        });
        return { given, name, ended: "pulled" };
      } catch (caught) {
        const error = await withMeant(asPullamaError(caught), given, command, parts);
        if (error.kind === "interrupted") return { given, name, ended: "interrupted" };
        emit({ event: "pull_failed", name, given, error });
        const doing = name === undefined ? {} : { doing: `pull ${displayName(name)}` };
        err.write(errorText(error, err, { ...doing, verbose }));
        saySlip(error);
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

/** A model that nobody has begun to pull. */
export function notStarted(given: string): ModelOutcome {
  try {
    return { given, name: parseName(given), ended: "not started" };
  } catch {
    return { given, name: undefined, ended: "not started" };
  }
}

/** The command whose name may have been meant by that of a model; undefined where such a model is installed. */
async function meantCommand(given: string, parts: PullerParts): Promise<string | undefined> {
  // A single letter is like any short word.
  if (given.length < 2 || /[:/]/.test(given)) return undefined;
  const command = didYouMean(given, parts.commands);
  if (command === undefined) return undefined;
  const own = `${given}:${DEFAULT_TAG}`;
  return (await installedNames(parts)).includes(own) ? undefined : command;
}

function meaning(command: string): string {
  return `did you mean the command: pullama ${command}`;
}

/** The name of a model that does not exist may be a slip in that of a command, or of an installed model. */
async function withMeant(
  error: PullamaError,
  given: string,
  command: string | undefined,
  parts: PullerParts,
): Promise<PullamaError> {
  if (error.kind !== "not_found" || given.length < 2) return error;
  const saying = (hint: string) =>
    new PullamaError(error.kind, error.message, { hint, cause: error });
  if (command !== undefined) return saying(meaning(command));
  const model = didYouMean(displayName(parseName(given)), await installedNames(parts));
  return model === undefined ? error : saying(`did you mean ${model}, which is installed`);
}

/** None where they cannot be read: that is said where it matters. */
async function installedNames({ openModels, options }: PullerParts): Promise<readonly string[]> {
  try {
    return (await (await openModels(options.modelsDir)).names()).map(displayName);
  } catch {
    return [];
  }
}
