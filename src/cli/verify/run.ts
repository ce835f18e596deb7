/** `pullama verify`: checks installed models, and repairs them if asked to. */

import { exitCodeOf, INTERRUPTED, PullamaError } from "../../core/errors.ts";
import { displayName, fullName, type ModelName, parseName } from "../../core/name.ts";
import type {
  Finding,
  VerifyOptions,
  VerifyReport,
  VerifyWatcher,
} from "../../core/reports/verify.ts";
import { modelsDir } from "../../setup/models_dir.ts";
import { errorText } from "../../ui/text/message.ts";
import { type DisplayFlags, displayOptions } from "../args/options.ts";
import { absolute, repeatFolderFlags, repeatPullFlags } from "../args/repeat_flags.ts";
import { failureEvent } from "../failure_json.ts";
import { type Host, outputs } from "../host/host.ts";
import type { PullWire } from "../pull/command.ts";
import { type PullFlags, pullOptions } from "../pull/options.ts";
import { createPuller, type Puller } from "../pull/puller.ts";
import { printerFor } from "./printer.ts";

/** The dependencies of this command. */
export interface VerifyWire extends PullWire {
  readonly verifyModels: (
    modelsDir: string,
    options: VerifyOptions,
    watcher: VerifyWatcher,
  ) => Promise<VerifyReport>;
}

/** The parsed flags of this command. */
export interface VerifyFlags extends PullFlags, DisplayFlags {
  readonly full?: true | undefined;
  readonly repair?: true | undefined;
}

/** What a check has found, and the models that a pull can repair. */
interface Checked {
  readonly report: VerifyReport;
  readonly damaged: readonly ModelName[];
}

/** The exit code if something is wrong, and after an interruption. */
const WRONG = 1;

/** Checks the given models, or all. Returns the exit code. */
export async function runVerify(
  given: readonly string[],
  flags: VerifyFlags,
  host: Host,
  wire: VerifyWire,
): Promise<number> {
  const names = given.map(parseName);
  if (!flags.repair) return exitCodeFor(await check(names, flags, host, wire), flags, host);
  // Before anything is checked: root in the folder of another user becomes that user then.
  await using puller = await openPuller(flags, host, wire);
  const before = await check(names, flags, host, wire);
  if (!before || before.damaged.length === 0) return exitCodeFor(before, flags, host);
  for (const name of before.damaged) {
    if (!host.stop.soft.aborted) await puller.pull(displayName(name));
  }
  // What was read in the first check has not changed since.
  const after = await check(names, { ...flags, full: undefined }, host, wire);
  return exitCodeFor(after, flags, host);
}

async function openPuller(flags: VerifyFlags, host: Host, wire: VerifyWire): Promise<Puller> {
  const options = { ...pullOptions(flags, host), repair: true } as const;
  const puller = createPuller({
    options,
    display: displayOptions(flags),
    commands: [],
    host,
    openEngine: (stop) => wire.openEngine(options, stop),
    openModels: wire.openModels,
  });
  await puller.open();
  return puller;
}

/** Prints what it finds. Undefined: interrupted, which is reported. */
async function check(
  names: readonly ModelName[],
  flags: VerifyFlags,
  host: Host,
  wire: VerifyWire,
): Promise<Checked | undefined> {
  const display = displayOptions(flags);
  const { out } = outputs(host, display.color);
  const documents = display.mode === "json" || display.mode === "debug";
  const folder = modelsDir(flags.modelsDir, host);
  const printer = printerFor(out, repeatPullFlags(flags, host), host.clock, display);
  const { soft: signal } = host.stop;
  const damaged = new Map<string, ModelName>();
  const onFinding = (finding: Finding) => {
    printer.onFinding(finding);
    for (const name of finding.models) damaged.set(fullName(name), name);
  };
  try {
    const options = { names, full: flags.full ?? false };
    // The reader of a document may have another working directory.
    const place = documents ? absolute(folder, host) : folder;
    const report = await wire.verifyModels(place, options, { ...printer, onFinding, signal });
    printer.end(report);
    return { report, damaged: [...damaged.values()] };
  } catch (error) {
    printer.end(undefined);
    if (!signal.aborted) throw error;
    host.err.write("interrupted\n");
    const interrupted = new PullamaError("interrupted", "interrupted before all was checked");
    if (display.mode === "json") {
      out.write(failureEvent(interrupted, host.clock.date(), INTERRUPTED));
    }
    return undefined;
  }
}

/** Reports models that are not installed as well. */
function exitCodeFor(checked: Checked | undefined, flags: VerifyFlags, host: Host): number {
  if (!checked) return INTERRUPTED;
  const { notInstalled, problems } = checked.report;
  const { verbose, color } = displayOptions(flags);
  const { err } = outputs(host, color);
  for (const name of notInstalled) {
    const error = new PullamaError("not_found", "it is not installed", {
      hint: `list installed models with: pullama list${repeatFolderFlags(flags, host)}`,
    });
    err.write(errorText(error, err, { doing: `verify ${displayName(name)}`, verbose }));
  }
  if (notInstalled.length > 0) return exitCodeOf("not_found");
  return problems > 0 ? WRONG : 0;
}
