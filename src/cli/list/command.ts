/** `pullama list`. */

import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { LIST_MODES } from "../../ui/mode.ts";
import { modelsDirFlag, noColorFlag } from "../args/flags.ts";
import type { Host } from "../host/host.ts";
import type { ModelsWire } from "../host/models_wire.ts";

const MORE = `
ID is the beginning of the manifest's sha256; SIZE is the total of all blobs, or
"-" for a model that runs on another machine. A manifest that cannot be read is
reported in a warning; the other models are listed, and the exit code is 0.
With --digests each model is followed by its blobs, all with whole digests.
With --output lock it is one line per model that "pullama pull --from-file" and
"pullama pull" take, to install the same bytes elsewhere.

Examples:
  pullama list                       all models, newest first
  pullama ls llama                   names that begin with it, ignoring case
  pullama ls -v                      with modification times in full
  pullama ls -q                      only names, one per line
  pullama list --digests -q          the digests of all manifests and blobs
  pullama list --partial             what unfinished pulls have kept
  pullama list --output lock > models.lock
  pullama ls --output json | jq -r '.models[] | [.name, .size] | @tsv'`;

export function addList(root: CommandUnknownOpts, host: Host, wire: ModelsWire): void {
  root.command("list").alias("ls")
    .description("list installed models: name, ID, size, modified")
    .argument("[prefix]", "list only names that begin with this")
    .addOption(modelsDirFlag())
    .addOption(
      new Option("--partial", "models that are partly downloaded, and who pulls them")
        .helpGroup("Output:"),
    )
    .addOption(new Option("--digests", "also list blobs, with whole digests").helpGroup("Output:"))
    .addOption(
      new Option("--output <mode>", "output format").choices(LIST_MODES).default("table")
        .helpGroup("Output:"),
    )
    .addOption(new Option("-q, --quiet", "print only names").helpGroup("Output:"))
    .addOption(
      new Option("-v, --verbose", "print times in full, and stack traces").helpGroup("Output:"),
    )
    .addOption(noColorFlag())
    .addHelpText("after", MORE)
    .action(async (prefix, flags) => {
      const { runList } = await import("./run.ts");
      await runList(prefix, flags, host, wire);
    });
}
