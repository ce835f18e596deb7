/** From flags and environment to what a command works with. */

import { modelsDir, modelsVariable, pathsOf } from "../../setup/models_dir.ts";
import type { PullOptions } from "../../setup/options.ts";
import { trustedCertificates } from "../../setup/certificates_env.ts";
import type { Mode } from "../../ui/mode.ts";
import type { Host } from "../host/host.ts";

/** How it is shown. */
export interface DisplayOptions {
  readonly mode: Mode;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly color: boolean;
}

/** Something the user should know before it begins. */
export interface Warning {
  readonly message: string;
  readonly hint: string;
}

/** The flags of a pull as they were parsed. */
export interface PullFlags {
  readonly modelsDir?: string | undefined;
  readonly insecure?: true | undefined;
  readonly maxRetries: number;
  readonly chunkSize: number;
  readonly timeout: number;
  readonly connections: number;
  readonly limitRate?: number | undefined;
  readonly retryFor?: number | undefined;
  readonly caCert?: string | undefined;
  readonly force?: true | undefined;
  readonly dryRun?: true | undefined;
}

/** The flags about showing as they were parsed. */
export interface DisplayFlags {
  readonly output: Mode;
  readonly quiet?: true | undefined;
  readonly verbose?: true | undefined;
  readonly color: boolean;
}

/** The flags of a command that looks at a models folder and shows what it finds. */
export interface FolderFlags extends DisplayFlags {
  readonly modelsDir?: string | undefined;
}

/** What a timer takes: 24 days. */
const LONGEST_MS = 2 ** 31 - 1;
/** Where the service looks that the installer for Linux sets up. */
const SERVICE_DIR = "/usr/share/ollama/.ollama/models";

/** Throws `usage` where no models folder can be told. */
export function pullOptions(flags: PullFlags, host: Host): PullOptions {
  return {
    modelsDir: modelsDir(flags.modelsDir, host),
    insecure: flags.insecure ?? false,
    maxRetries: flags.maxRetries,
    chunkSize: flags.chunkSize,
    timeoutMs: Math.min(flags.timeout, LONGEST_MS),
    connections: flags.connections,
    ...(flags.limitRate !== undefined && { limitRate: flags.limitRate }),
    ...(flags.retryFor !== undefined && { retryForMs: flags.retryFor }),
    ...trustedCertificates(flags.caCert, host.env),
    force: flags.force ?? false,
    dryRun: flags.dryRun ?? false,
  };
}

export function displayOptions(flags: DisplayFlags): DisplayOptions {
  return {
    mode: flags.output,
    quiet: flags.quiet ?? false,
    verbose: flags.verbose ?? false,
    color: flags.color,
  };
}

/** Why an Ollama server may look for models in another folder than this program. */
export function modelsDirWarnings(flag: string | undefined, host: Host): Warning[] {
  if (flag !== undefined) return [];
  const variable = modelsVariable(host);
  const { isAbsolute, join } = pathsOf(host);
  if (variable !== undefined) {
    return isAbsolute(variable) ? [] : [{
      message: `OLLAMA_MODELS is a relative path (${variable})`,
      hint:
        "an Ollama server looks for it below its own folder, not this one: set an absolute path",
    }];
  }
  if (host.os !== "linux") return [];
  const own = modelsDir(undefined, host);
  const unused = ["missing", "empty"].includes(host.folder(join(own, "manifests")));
  if (!unused || own === SERVICE_DIR || host.folder(SERVICE_DIR) === "missing") return [];
  return [{
    message: `models go to ${own}, but the Ollama service of this machine looks in ${SERVICE_DIR}`,
    hint: `to pull for the service: sudo -u ollama pullama --models-dir ${SERVICE_DIR}`,
  }];
}
