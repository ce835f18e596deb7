/** `pullama doctor`: prints a line for each check as it ends. */

import { type DoctorReport, firstFailure } from "../../core/reports/doctor.ts";
import { exitCodeOf, INTERRUPTED, PullamaError } from "../../core/errors.ts";
import { parseName } from "../../core/name.ts";
import { mirrorOptions } from "../../setup/mirrors/urls.ts";
import { tokenHosts, trustedCertificates } from "../../setup/trust.ts";
import type { DoctorOptions, DoctorWatcher } from "../../setup/doctor.ts";
import { modelsDir, modelsVariable } from "../../setup/models_dir.ts";
import {
  checkText,
  doctorDocument,
  doctorHeading,
  doctorSummary,
  pendingText,
} from "../../ui/reports/doctor.ts";
import { glyphs } from "../../ui/terminal/draw.ts";
import { paintWith } from "../../ui/terminal/paint.ts";
import type { Terminal } from "../../ui/terminal/terminal.ts";
import { stepOf } from "../../ui/pull/step_text.ts";
import { failureDocument } from "../failure_json.ts";
import { type Host, outputs } from "../host/host.ts";
import {
  type DisplayOptions,
  displayOptions,
  type FolderFlags,
  modelsDirWarnings,
} from "../args/options.ts";

/** The dependencies of this command. */
export interface DoctorWire {
  readonly examine: (options: DoctorOptions, watcher: DoctorWatcher) => Promise<DoctorReport>;
}

/** The parsed flags of this command. */
export interface DoctorFlags extends FolderFlags {
  readonly insecure?: true | undefined;
  readonly caCert?: string | undefined;
  readonly mirror?: readonly string[] | undefined;
  readonly offline?: true | undefined;
  readonly tokenHost?: readonly string[] | undefined;
}

/** Erases the line of a pending check. */
const ERASE_LINE = "\r\x1b[K";

/** Runs the checks for the model `given`. Returns the exit code of the first failure, or 0. */
export async function runDoctor(
  given: string,
  flags: DoctorFlags,
  host: Host,
  wire: DoctorWire,
): Promise<number> {
  const display = displayOptions(flags);
  const { out } = outputs(host, display.color);
  const model = parseName(given);
  const options: DoctorOptions = {
    model,
    modelsDir: modelsDir(flags.modelsDir, host),
    chosenBy: flags.modelsDir !== undefined
      ? "--models-dir"
      : modelsVariable(host) !== undefined
      ? "OLLAMA_MODELS"
      : "default",
    elsewhere: modelsDirWarnings(flags.modelsDir, host),
    insecure: flags.insecure ?? false,
    ...trustedCertificates(flags.caCert, host.env),
    tokenHosts: tokenHosts(flags.tokenHost, host.env),
    ...mirrorOptions(flags.mirror, flags.offline ?? false, host.env),
  };
  const documents = display.mode === "json" || display.mode === "debug";
  if (!documents && !display.quiet && display.mode === "table") {
    out.write(doctorHeading(model, out));
  }
  const { soft } = host.stop;
  const { watcher, clear } = documents
    ? { watcher: { signal: soft, onCheck() {} }, clear() {} }
    : watching(out, soft, display);
  let report: DoctorReport;
  try {
    report = await wire.examine(options, watcher);
  } catch (error) {
    clear();
    if (!soft.aborted) throw error;
    host.err.write("interrupted\n");
    const interrupted = new PullamaError("interrupted", "interrupted before all checks were done");
    if (display.mode === "json") out.write(failureDocument(interrupted, INTERRUPTED));
    return INTERRUPTED;
  }
  if (documents) {
    const inspected = display.mode === "debug";
    out.write(doctorDocument(report, { inspected, color: out.color }));
  } else if (!display.quiet) out.write(doctorSummary(report, out));
  const failure = firstFailure(report);
  return failure === undefined ? 0 : exitCodeOf(failure.kind);
}

/** Prints results as they arrive, and the pending check if the terminal can overwrite it. */
function watching(
  out: Terminal,
  signal: AbortSignal,
  { quiet, verbose }: DisplayOptions,
): { readonly watcher: DoctorWatcher; clear(): void } {
  let pending = false;
  const clear = () => {
    if (pending) out.write(ERASE_LINE);
    pending = false;
  };
  const g = glyphs(out.unicode);
  const { faint } = paintWith(out.color);
  return {
    clear,
    watcher: {
      signal,
      onBegin(name) {
        if (!out.interactive || !out.color || quiet) return;
        out.write(pendingText(name, out));
        pending = true;
      },
      onRequest(note) {
        if (!verbose || quiet) return;
        clear();
        const { text } = stepOf({ event: "request", ...note }, g);
        out.write(`${faint(`${g.note} ${text}`)}\n`);
      },
      onCheck(check) {
        clear();
        if (!quiet || check.state === "failed") out.write(checkText(check, out, verbose));
      },
    },
  };
}
