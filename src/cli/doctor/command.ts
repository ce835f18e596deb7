/** `pullama doctor`. */

import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import type { DoctorWire } from "./run.ts";
import { modelsDirFlag, noColorFlag, outputFlag } from "../args/flags.ts";
import type { Host } from "../host/host.ts";
import { path } from "../args/values.ts";

/** Small, public, and known to everybody: what is looked at when no model is given. */
const USUAL_MODEL = "all-minilm";

const MORE = `
One check after another: the models folder, an Ollama server beside it, the key,
proxy, name (dns), connection (tcp), certificate (tls), clock, manifest, room
for the model, where its blobs come from, whether parts of them can be had, and
how fast the first 4 MB come. Nothing is stored, and no password or token shown.
What rests on a check that has failed is left out. Without a model it looks at
${USUAL_MODEL}, a small public one. It takes seconds, two minutes at the worst.
The exit code is that of the first failure.

Examples:
  pullama doctor                     the folder, and the way to the registry
  pullama doctor hf.co/user/model    the way to another one
  pullama doctor -v llama3.2         also each request
  pullama doctor --output json | jq '.checks[] | select(.ok or .skipped | not)'
  pullama doctor --output json | jq -r '.hosts[] | [.host, .port] | @tsv'`;

export function addDoctor(
  root: CommandUnknownOpts,
  host: Host,
  wire: DoctorWire,
  ended: (exitCode: number) => void,
): void {
  root.command("doctor")
    .description("what stands between this machine and a model, one line for each check")
    .argument("[model]", `[host/][namespace/]model[:tag]; default ${USUAL_MODEL}`)
    .addOption(modelsDirFlag())
    .addOption(new Option("--insecure", "plain http to the registry").helpGroup("Network:"))
    .addOption(
      new Option("--ca-cert <file>", "certificates to trust (env: SSL_CERT_FILE, SSL_CERT_DIR)")
        .argParser(path).helpGroup("Network:"),
    )
    .addOption(outputFlag())
    .addOption(new Option("-q, --quiet", "failures alone").helpGroup("Output:"))
    .addOption(
      new Option("-v, --verbose", "also requests; where errors arose").helpGroup("Output:"),
    )
    .addOption(noColorFlag())
    .addHelpText("after", MORE)
    .action(async (given, flags) => {
      const { runDoctor: showCheckup } = await import("./run.ts");
      ended(await showCheckup(given ?? USUAL_MODEL, flags, host, wire));
    });
}
