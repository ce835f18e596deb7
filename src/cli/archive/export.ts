/** `pullama export`: writes models to an archive. */

import type { Digest } from "../../core/digest.ts";
import { PullamaError } from "../../core/errors.ts";
import { parsePinned } from "../../core/name.ts";
import { readInput } from "../../io/input.ts";
import type { ExportOptions } from "../../setup/local/export.ts";
import { modelsDir } from "../../setup/models_dir.ts";
import { exportFields, exportSummary } from "../../ui/reports/archive.ts";
import { interruptedText } from "../../ui/text/message.ts";
import { type DisplayFlags, displayOptions } from "../args/options.ts";
import { absolute, quotedWord, repeatFolderFlags } from "../args/repeat_flags.ts";
import { type Host, outputs } from "../host/host.ts";
import { type ArchivePrinter, archivePrinter } from "./printer.ts";
import type { ArchiveWire } from "./wire.ts";

/** The parsed flags. */
export interface ExportFlags extends DisplayFlags {
  readonly file: string;
  readonly modelsDir?: string | undefined;
  readonly all?: true | undefined;
  readonly split?: number | undefined;
  readonly skipList?: string | undefined;
  readonly force?: true | undefined;
  readonly limitRate?: number | undefined;
}

/** Bytes of a list of digests: those of more than a hundred thousand blobs. */
const MOST_LIST = 16 * 1024 * 1024;

/** Writes the archive. Returns the exit code. */
export async function runExport(
  given: readonly string[],
  flags: ExportFlags,
  host: Host,
  wire: ArchiveWire,
): Promise<number> {
  const display = displayOptions(flags);
  const { out: stdout, err } = outputs(host, display.color);
  const isStream = flags.file === "-";
  // What is written to stdout must be the archive alone.
  const out = isStream ? err : stdout;
  const folder = absolute(modelsDir(flags.modelsDir, host), host);
  const options = await optionsOf(given, folder, flags, host, wire);
  const { soft: signal } = host.stop;
  const began = host.clock.now();
  let printer: ArchivePrinter | undefined;
  let before = 0;
  try {
    const report = await wire.exportModels(options, {
      signal,
      onProgress(done, total, wasThere) {
        if (!printer) {
          printer = archivePrinter(out, host.clock, display, "exporting", total);
          if (!display.quiet) printer.event("export_start", { TotalBytes: total });
        }
        // Checking what was there is faster than writing: it says nothing of the time that is left.
        printer.progress(done, wasThere ? 0 : done - before);
        before = done;
      },
    });
    const elapsedMs = host.clock.now() - began;
    printer?.event("export_completed", exportFields(report, elapsedMs));
    const place = isStream ? "standard output" : flags.file;
    printer?.end(exportSummary(report, place, elapsedMs, out));
    return 0;
  } catch (error) {
    printer?.end("");
    if (!signal.aborted || error !== signal.reason) throw error;
    printer?.event("export_interrupted", { KeptBytes: isStream ? 0 : before });
    if (isStream) throw new PullamaError("interrupted", "interrupted: the archive is not complete");
    err.write(interruptedText([againOf(given, flags, host)], err));
    return 0;
  }
}

async function optionsOf(
  given: readonly string[],
  folder: string,
  flags: ExportFlags,
  host: Host,
  wire: ArchiveWire,
): Promise<ExportOptions> {
  const { all = false, split, force = false, file } = flags;
  if ((given.length > 0) === all) {
    const message = all
      ? "--all is all models: name none of them"
      : "name the models to export, or --all for all of them";
    throw new PullamaError("usage", message, { hint: 'see "pullama help export"' });
  }
  const isStream = file === "-";
  if (isStream && (split !== undefined || force)) {
    const flag = split === undefined ? "--force" : "--split";
    throw new PullamaError("usage", `${flag} is of no use with --file -`, {
      hint: 'see "pullama help export"',
    });
  }
  const models = all ? await (await wire.openModels(folder)).names() : given.map(parsePinned);
  if (models.length === 0) {
    throw new PullamaError("not_found", `no models in ${folder}`, {
      hint: "choose another folder with --models-dir",
    });
  }
  return {
    modelsDir: folder,
    models,
    to: isStream ? streamOf(host) : absolute(file, host),
    ...(split !== undefined && { split }),
    skip: flags.skipList === undefined ? new Set() : await digestsIn(flags.skipList, host),
    force,
    ...(flags.limitRate !== undefined && { limitRate: flags.limitRate }),
  };
}

function streamOf({ binaryOut }: Host): (bytes: Uint8Array) => Promise<void> {
  if (binaryOut) return binaryOut;
  throw new PullamaError("usage", "an archive is not written to a terminal", {
    hint: "write it to a file with --file models.tar, or into a pipe",
  });
}

/** The digests in a text, whatever is around them. */
async function digestsIn(path: string, host: Host): Promise<ReadonlySet<Digest>> {
  const bytes = await readInput(path, MOST_LIST, host.stop.soft);
  const found = new TextDecoder().decode(bytes).match(/\bsha256[:-][0-9a-f]{64}\b/g) ?? [];
  if (found.length === 0) {
    throw new PullamaError("usage", `${path} has no digest`, {
      hint: "make it on the other machine with: pullama list --digests",
    });
  }
  return new Set(found.map((digest) => digest.replace("-", ":") as Digest));
}

/** The same command. */
function againOf(given: readonly string[], flags: ExportFlags, host: Host): string {
  const models = flags.all ? ["--all"] : given.map((name) => quotedWord(name, host));
  return [
    "export",
    ...models,
    `-o ${quotedWord(flags.file, host)}`,
    ...(flags.split === undefined ? [] : [`--split ${flags.split}`]),
    ...(flags.skipList === undefined ? [] : [`--skip-list ${quotedWord(flags.skipList, host)}`]),
    ...(flags.force ? ["--force"] : []),
  ].join(" ") + repeatFolderFlags(flags, host);
}
