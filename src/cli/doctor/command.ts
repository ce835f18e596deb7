/** `pullama doctor`. */

import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import type { DoctorWire } from "./run.ts";
import {
  caCertFlag,
  insecureFlag,
  mirrorFlag,
  modelsDirFlag,
  noColorFlag,
  offlineFlag,
  outputFlag,
  tokenHostFlag,
} from "../args/flags.ts";
import type { Host } from "../host/host.ts";

/** A small and public model, checked if none is given. */
const DEFAULT_MODEL = "all-minilm";

const MORE = `
Checks the models folder, the local Ollama server, the key, proxy, host name
(dns), connection (tcp), certificate (tls), clock, mirrors, manifest, space, the
host that serves the blobs, whether it supports range requests, and the speed of
the first 4 MB. Nothing is stored, and no password or token is printed. Checks
that depend on a failed one are skipped. Without a model it uses ${DEFAULT_MODEL}, a
small public one. It takes some seconds, at most two minutes. The exit code is
that of the first failure.

Examples:
  pullama doctor                     check folder, key and the Ollama registry
  pullama doctor hf.co/user/model    check another registry
  pullama doctor -v llama3.2         also print each request
  pullama doctor --output json | jq '.checks[] | select(.ok or .skipped | not)'
  pullama doctor --output json | jq -r '.hosts[] | [.host, .port] | @tsv'`;

export function addDoctor(
  root: CommandUnknownOpts,
  host: Host,
  wire: DoctorWire,
  ended: (exitCode: number) => void,
): void {
  root.command("doctor")
    .description("find out why a pull fails on this machine")
    .argument("[model]", `[host/][namespace/]model[:tag]; default ${DEFAULT_MODEL}`)
    .addOption(modelsDirFlag())
    .addOption(insecureFlag())
    .addOption(caCertFlag())
    .addOption(tokenHostFlag())
    .addOption(mirrorFlag())
    .addOption(offlineFlag())
    .addOption(outputFlag())
    .addOption(new Option("-q, --quiet", "print only failures").helpGroup("Output:"))
    .addOption(
      new Option("-v, --verbose", "also print requests and stack traces").helpGroup("Output:"),
    )
    .addOption(noColorFlag())
    .addHelpText("after", MORE)
    .action(async (given, flags) => {
      const { runDoctor } = await import("./run.ts");
      ended(await runDoctor(given ?? DEFAULT_MODEL, flags, host, wire));
    });
}
