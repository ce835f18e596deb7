/** `pullama import`: installs the models of archives. */

import { exitCodeOfFirst, PullamaError } from "../../core/errors.ts";
import { displayName } from "../../core/name.ts";
import type { ImportOptions, OpenArchive } from "../../setup/local/import.ts";
import { modelsDir } from "../../setup/models_dir.ts";
import { batchSummaryText, type ModelOutcome } from "../../ui/pull/batch_summary.ts";
import { IMPORT } from "../../ui/pull/verb.ts";
import { eventText } from "../../ui/reports/event.ts";
import { interruptedText } from "../../ui/text/message.ts";
import { lockText } from "../../ui/text/waits.ts";
import { type DisplayFlags, displayOptions } from "../args/options.ts";
import { absolute, quotedWord, repeatFolderFlags } from "../args/repeat_flags.ts";
import { type Host, outputs } from "../host/host.ts";
import { createPuller, pullEach } from "../pull/puller.ts";
import { archivePrinter } from "./printer.ts";
import type { ArchiveWire } from "./wire.ts";

/** The parsed flags. */
export interface ImportFlags extends DisplayFlags {
  readonly modelsDir?: string | undefined;
  readonly replace?: true | undefined;
  readonly force?: true | undefined;
  readonly dryRun?: true | undefined;
  readonly limitRate?: number | undefined;
}

/** Imports all models of the archives. Returns the exit code. */
export async function runImport(
  given: readonly string[],
  flags: ImportFlags,
  host: Host,
  wire: ArchiveWire,
): Promise<number> {
  const { replace = false, force = false, dryRun = false } = flags;
  const folder = absolute(modelsDir(flags.modelsDir, host), host);
  const options: ImportOptions = {
    modelsDir: folder,
    replace,
    force,
    dryRun,
    ...(flags.limitRate !== undefined && { limitRate: flags.limitRate }),
  };
  const isStream = given.includes("-");
  if (isStream && (given.length > 1 || dryRun || options.limitRate !== undefined)) {
    const message = given.length > 1
      ? "- is all of the input: name no file beside it"
      : dryRun
      ? "--dry-run is of no use with -: a stream is read only once"
      : "--limit-rate is of no use with -: limit the program that writes";
    throw new PullamaError("usage", message, { hint: 'see "pullama help import"' });
  }
  const { soft: signal } = host.stop;
  await using opened = new AsyncDisposableStack();
  let archives: readonly OpenArchive[];
  try {
    archives = isStream
      ? [await received(options, flags, host, wire)]
      : await wire.openArchives(given, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    const { mode, color, quiet } = displayOptions(flags);
    const { out } = outputs(host, color);
    const view = { mode, color: out.color, date: host.clock.date() };
    if (!quiet) out.write(eventText("import_interrupted", {}, view));
    tellInterrupted(given, flags, host);
    return 0;
  }
  for (const archive of archives) opened.use(archive);
  const outcomes: ModelOutcome[] = [];
  for (const archive of archives) {
    outcomes.push(...await imported(archive, options, flags, host, wire));
  }
  const display = displayOptions(flags);
  const people = display.mode === "table" || display.mode === "compact";
  const { out } = outputs(host, display.color);
  if (outcomes.length > 1 && people && !display.quiet && !dryRun) {
    out.write(batchSummaryText(outcomes, IMPORT.done));
  }
  const stopped = outcomes.some(({ ended }) => ended === "interrupted" || ended === "not started");
  if (stopped) tellInterrupted(given, flags, host);
  return exitCodeOfFirst(outcomes);
}

async function imported(
  archive: OpenArchive,
  options: ImportOptions,
  flags: ImportFlags,
  host: Host,
  wire: ArchiveWire,
): Promise<readonly ModelOutcome[]> {
  await using puller = createPuller({
    options,
    display: displayOptions(flags),
    verb: IMPORT,
    commands: [],
    host,
    openEngine: (stop) => wire.openImporter(archive, options, stop),
    openModels: wire.openModels,
  });
  // An error about the folder is not one of the first model.
  await puller.open();
  return await pullEach(puller, archive.models.map(displayName), host.stop);
}

/** Stores the blobs of stdin, with progress. */
async function received(
  options: ImportOptions,
  flags: ImportFlags,
  host: Host,
  wire: ArchiveWire,
): Promise<OpenArchive> {
  const display = displayOptions(flags);
  const { out, err } = outputs(host, display.color);
  const printer = archivePrinter(out, host.clock, display, "reading", undefined);
  let before = 0;
  try {
    return await wire.receiveModels(host.input(), options, host.stop.soft, {
      onProgress(read) {
        printer.progress(read, read - before);
        before = read;
      },
      waiting: (holder) => err.write(`${lockText(holder)}\n`),
    });
  } finally {
    printer.end("");
  }
}

function tellInterrupted(given: readonly string[], flags: ImportFlags, host: Host): void {
  const { err } = outputs(host, displayOptions(flags).color);
  const again = [
    "import",
    ...given.map((file) => quotedWord(file, host)),
    ...(flags.replace ? ["--replace"] : []),
    ...(flags.force ? ["--force"] : []),
  ].join(" ");
  err.write(interruptedText([again + repeatFolderFlags(flags, host)], err));
}
