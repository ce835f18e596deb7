/** `pullama doctor`. */

import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { type Checkup, firstFailure } from "../../core/checkup.ts";
import { exitCodeOf } from "../../core/errors.ts";
import { parseName } from "../../core/name.ts";
import { trustIn } from "../../setup/certificates.ts";
import type { DoctorOptions, DoctorWatcher } from "../../setup/doctor.ts";
import { modelsDir, modelsVariable } from "../../setup/models_dir.ts";
import {
  checkText,
  checkupDocument,
  checkupEnd,
  checkupHeading,
  pendingText,
} from "../../ui/checkup.ts";
import { glyphs } from "../../ui/draw.ts";
import { paintWith } from "../../ui/paint.ts";
import { plain, type Terminal } from "../../ui/terminal.ts";
import { stepOf } from "../../ui/words.ts";
import { modelsDirFlag, noColorFlag, outputFlag } from "../flags.ts";
import type { Host } from "../host.ts";
import { type DisplayOptions, displayOptions, modelsDirWarnings } from "../options.ts";
import { path } from "../values.ts";

/** What this command needs to be wired to. */
export interface DoctorWire {
  readonly examine: (options: DoctorOptions, watcher: DoctorWatcher) => Promise<Checkup>;
}

/** Small, public, and known to everybody: what is looked at when no model is given. */
const USUAL_MODEL = "all-minilm";
/** What is written is written over. */
const ERASE_LINE = "\r\x1b[K";

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
  pullama doctor --output json | jq '.checks[] | select(.ok | not)'
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
      const display = displayOptions(flags);
      const out = display.color ? host.out : plain(host.out);
      const model = parseName(given ?? USUAL_MODEL);
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
        ...trustIn(flags.caCert, host.env),
      };
      const documents = display.mode === "json" || display.mode === "debug";
      if (!documents && !display.quiet && display.mode === "table") {
        out.write(checkupHeading(model, out));
      }
      const { soft } = host.stop;
      const { watcher, clear } = documents
        ? { watcher: { signal: soft, onCheck() {} }, clear() {} }
        : watching(out, soft, display);
      let checkup: Checkup;
      try {
        checkup = await wire.examine(options, watcher);
      } catch (error) {
        clear();
        if (!soft.aborted) throw error;
        host.err.write("interrupted\n");
        return ended(1);
      }
      if (documents) {
        const inspected = display.mode === "debug";
        out.write(checkupDocument(checkup, { inspected, color: out.color }));
      } else if (!display.quiet) out.write(checkupEnd(checkup, out));
      const failure = firstFailure(checkup);
      ended(failure === undefined ? 0 : exitCodeOf(failure.kind));
    });
}

/** Writes lines as they come; a check that is under way shows where a line can be written over. */
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
