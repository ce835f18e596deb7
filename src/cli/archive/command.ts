/** `pullama export` and `pullama import`. */

import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import {
  diskRateFlag,
  modelsDirFlag,
  noColorFlag,
  outputFlag,
  quietFlag,
  verboseFlag,
} from "../args/flags.ts";
import { path, pathOrStdin, sizeFrom } from "../args/values.ts";
import type { Host } from "../host/host.ts";
import type { ArchiveWire } from "./wire.ts";

const MORE_ON_EXPORT = `
Writes installed models to a tar archive: blobs first, manifests last. Import it
with "pullama import", or unpack it with tar into a models folder. A blob that
was not verified before is verified on the way. After an interruption the same
command continues where it was.

With --split the files are FILE.000, FILE.001 and so on; 4G is what a FAT disk
takes. With --skip-list the digests in a file are left out: those that the other
machine has, as "pullama list --digests" prints them there.

Examples:
  pullama export llama3.2 phi3:mini -o models.tar
  pullama export --all -o /media/stick/models.tar --split 4G
  pullama export llama3.2 -o - | ssh lab pullama import -`;

const MORE_ON_IMPORT = `
Imports the models of archives that "pullama export" has made, or tar of the
folders blobs and manifests. Every blob is verified before it is visible, what
is installed is not read again, and what an interruption has left is continued.
Of several files one is enough: the others are found. A model that is installed
with another manifest is only replaced with --replace.

Examples:
  pullama import models.tar
  pullama import /media/stick/models.tar.000
  zstd -dc models.tar.zst | pullama import -`;

const STORAGE = "Storage:";

type Ended = (exitCode: number) => void;

export function addExport(
  root: CommandUnknownOpts,
  host: Host,
  wire: ArchiveWire,
  ended: Ended,
): void {
  root.command("export")
    .description("write models to an archive, for another machine")
    .usage("<model>... -o <file> [flags]")
    .argument("[model...]", "installed models")
    .addOption(
      new Option("-o, --file <file>", "the archive; - for stdout").argParser(pathOrStdin)
        .makeOptionMandatory().helpGroup(STORAGE),
    )
    .addOption(new Option("--all", "all installed models").helpGroup(STORAGE))
    .addOption(
      new Option("--split <size>", "write several files of at most this size, such as 4G")
        .argParser(sizeFrom(LEAST_SPLIT, "64K")).helpGroup(STORAGE),
    )
    .addOption(
      new Option("--skip-list <file>", "leave out the blobs whose digests are in this file")
        .argParser(path).helpGroup(STORAGE),
    )
    .addOption(
      new Option("--force", "replace an archive; write even if the disk seems too small")
        .helpGroup(STORAGE),
    )
    .addOption(diskRateFlag())
    .addOption(modelsDirFlag())
    .addOption(outputFlag())
    .addOption(quietFlag())
    .addOption(verboseFlag())
    .addOption(noColorFlag())
    .addHelpText("after", MORE_ON_EXPORT)
    .action(async (models, flags) => {
      const { runExport } = await import("./export.ts");
      ended(await runExport(models, flags, host, wire));
    });
}

/** Bytes: with smaller files a model would have millions of them. */
const LEAST_SPLIT = 64_000;

export function addImport(
  root: CommandUnknownOpts,
  host: Host,
  wire: ArchiveWire,
  ended: Ended,
): void {
  root.command("import")
    .description("install the models of an archive")
    .usage("<file>... [flags]")
    .argument("<file...>", "archives; - for stdin")
    .addOption(
      new Option("--replace", "also models that are installed with another manifest")
        .helpGroup(STORAGE),
    )
    .addOption(new Option("--dry-run", "print what would be imported").helpGroup(STORAGE))
    .addOption(
      new Option("--force", "even if the disk seems too small, or it is not a model")
        .helpGroup(STORAGE),
    )
    .addOption(diskRateFlag())
    .addOption(modelsDirFlag())
    .addOption(outputFlag())
    .addOption(quietFlag())
    .addOption(verboseFlag())
    .addOption(noColorFlag())
    .addHelpText("after", MORE_ON_IMPORT)
    .action(async (files, flags) => {
      const { runImport } = await import("./import.ts");
      ended(await runImport(files, flags, host, wire));
    });
}
