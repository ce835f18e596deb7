/** Pulls models for a person: what happens is shown, and what goes wrong is said. */

import { asPullamaError, PullamaError } from "../core/errors.ts";
import type { Emit, PullEvent } from "../core/events.ts";
import { displayName, type ModelName, parseName } from "../core/name.ts";
import type { Engine, OpenEngine } from "../setup/engine.ts";
import type { PullOptions } from "../setup/options.ts";
import { errorText, warningText } from "../ui/message.ts";
import { createRenderer } from "../ui/modes.ts";
import type { Outcome } from "../ui/outcomes.ts";
import { plain, type Terminal } from "../ui/terminal.ts";
import type { Host } from "./host.ts";
import type { ModelsWire } from "./list_models.ts";
import { nearest } from "./nearest.ts";
import type { DisplayOptions } from "./options.ts";

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
  pull(given: string, place?: string): Promise<Outcome>;
}

/** A puller; the screen is given back and the engine closed when it is disposed. */
export function createPuller(parts: PullerParts): Puller {
  const { options, display, host } = parts;
  const out = display.color ? host.out : plain(host.out);
  const err = display.color ? host.err : plain(host.err);
  const { quiet, verbose, mode } = display;
  const { dryRun } = options;
  let at: string | undefined;
  const place = () => at;
  const renderer = createRenderer(mode, out, { quiet, verbose, dryRun, place }, host.clock);
  let engine: Engine | undefined;

  function emit(event: PullEvent): void {
    renderer.event(event);
    if (event.event === "warning") err.write(warningText(event.message, event.hint, err));
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
      try {
        name = parseName(given);
        await (await opened()).pull(name, emit);
        return { given, name, ended: "pulled" };
      } catch (caught) {
        const error = await withMeant(asPullamaError(caught), given, parts);
        if (error.kind === "interrupted") return { given, name, ended: "interrupted" };
        emit({ event: "pull_failed", name, given, error });
        const doing = name === undefined ? {} : { doing: `pull ${displayName(name)}` };
        err.write(errorText(error, err, { ...doing, verbose }));
        return { given, name, ended: "failed", error };
      }
    },
    async [Symbol.asyncDispose]() {
      renderer.close();
      await engine?.[Symbol.asyncDispose]();
    },
  };
}

/** A model that nobody has begun to pull. */
export function notStarted(given: string): Outcome {
  try {
    return { given, name: parseName(given), ended: "not started" };
  } catch {
    return { given, name: undefined, ended: "not started" };
  }
}

/** The name of a model that does not exist may be a slip in that of a command, or of an installed model. */
async function withMeant(
  error: PullamaError,
  given: string,
  { commands, openModels, options }: PullerParts,
): Promise<PullamaError> {
  // A single letter is like any short word.
  if (error.kind !== "not_found" || given.length < 2) return error;
  const command = nearest(given, commands);
  const saying = (hint: string) =>
    new PullamaError(error.kind, error.message, { hint, cause: error });
  if (command !== undefined) return saying(`did you mean the command: pullama ${command}`);
  try {
    const installed = (await (await openModels(options.modelsDir)).names()).map(displayName);
    const model = nearest(displayName(parseName(given)), installed);
    return model === undefined ? error : saying(`did you mean ${model}, which is installed`);
  } catch {
    return error;
  }
}
