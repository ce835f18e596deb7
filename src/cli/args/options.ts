/** Options of all commands, from flags and environment. */

import { modelsDir, modelsVariable, pathsOf } from "../../setup/models_dir.ts";
import type { Mode } from "../../ui/mode.ts";
import type { Host } from "../host/host.ts";

/** How output is shown. */
export interface DisplayOptions {
  readonly mode: Mode;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly color: boolean;
}

/** Something the user should know before a command starts. */
export interface Warning {
  readonly message: string;
  readonly hint: string;
}

/** The parsed flags for output. */
export interface DisplayFlags {
  readonly output: Mode;
  readonly quiet?: true | undefined;
  readonly verbose?: true | undefined;
  readonly color: boolean;
}

/** The parsed flags of a command that reads a models folder. */
export interface FolderFlags extends DisplayFlags {
  readonly modelsDir?: string | undefined;
}

/** The models folder of the service that Ollama's installer sets up on Linux. */
const SERVICE_DIR = "/usr/share/ollama/.ollama/models";

export function displayOptions(flags: DisplayFlags): DisplayOptions {
  return {
    mode: flags.output,
    quiet: flags.quiet ?? false,
    verbose: flags.verbose ?? false,
    color: flags.color,
  };
}

/** Warns if an Ollama server may use another models folder than this program. */
export function modelsDirWarnings(flag: string | undefined, host: Host): Warning[] {
  if (flag !== undefined) return [];
  const variable = modelsVariable(host);
  const { isAbsolute, join } = pathsOf(host);
  if (variable !== undefined) {
    return isAbsolute(variable) ? [] : [{
      message: `OLLAMA_MODELS is a relative path (${variable})`,
      hint:
        "set an absolute path: an Ollama server resolves it relative to its own working directory",
    }];
  }
  if (host.os !== "linux") return [];
  const own = modelsDir(undefined, host);
  const unused = ["missing", "empty"].includes(host.folder(join(own, "manifests")));
  if (!unused || own === SERVICE_DIR || host.folder(SERVICE_DIR) === "missing") return [];
  return [{
    message:
      `models are stored in ${own}, but the Ollama service on this machine uses ${SERVICE_DIR}`,
    hint: `to pull for the service: sudo -u ollama pullama --models-dir ${SERVICE_DIR}`,
  }];
}
