/** The command line: its commands, and the handling of usage errors. */

import { Command, CommanderError, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { asPullamaError, exitCodeOf, INTERRUPTED } from "../core/errors.ts";
import { plain } from "../ui/terminal/terminal.ts";
import type { ArchiveWire } from "./archive/wire.ts";
import type { DoctorWire } from "./doctor/run.ts";
import type { CleanWire } from "./clean/run.ts";
import type { ControlWire } from "./control/run.ts";
import type { CopyWire } from "./copy/run.ts";
import { withDefaultCommand } from "./args/default_command.ts";
import { pathOf } from "./args/command_path.ts";
import type { PullWire } from "./pull/command.ts";
import type { QueueWire } from "./queue/command.ts";
import type { CompletionWire } from "./completion/run.ts";
import {
  HELP_COLUMNS,
  LONG_HELP,
  shorten,
  subcommandTerm,
  visibleOptions,
  wantsShortHelp,
} from "./help/text.ts";
import type { Host } from "./host/host.ts";
import type { ModelsWire } from "./host/models_wire.ts";
import type { PruneWire } from "./prune/run.ts";
import type { PushWire } from "./push/run.ts";
import type { RmWire } from "./rm/run.ts";
import type { ServeWire } from "./serve/run.ts";
import type { VerifyWire } from "./verify/run.ts";
import { VERSION } from "../setup/version.ts";

/** The dependencies of all commands. */
export type Wire =
  & PullWire
  & QueueWire
  & ModelsWire
  & RmWire
  & ArchiveWire
  & CleanWire
  & ControlWire
  & CopyWire
  & PruneWire
  & PushWire
  & ServeWire
  & VerifyWire
  & CompletionWire
  & DoctorWire;

type AddCommand = (
  root: CommandUnknownOpts,
  host: Host,
  wire: Wire,
  ended: (exitCode: number) => void,
) => void;

type LoadCommand = () => Promise<AddCommand>;

/** Commands that write events with `--output json`; all others write one document. */
const EVENT_COMMANDS: readonly string[] = [
  "pull",
  "update",
  "queue start",
  "verify",
  "cp",
  "mv",
  "export",
  "import",
  "push",
  "serve",
];

/** In the order of the help. */
const COMMANDS: ReadonlyMap<string, LoadCommand> = new Map<string, LoadCommand>([
  ["pull", async () => (await import("./pull/command.ts")).addPull],
  ["list", async () => (await import("./list/command.ts")).addList],
  ["show", async () => (await import("./show/command.ts")).addShow],
  ["rm", async () => (await import("./rm/command.ts")).addRm],
  ["cp", async () => (await import("./copy/command.ts")).addCp],
  ["mv", async () => (await import("./copy/command.ts")).addMv],
  ["export", async () => (await import("./archive/command.ts")).addExport],
  ["import", async () => (await import("./archive/command.ts")).addImport],
  ["clean", async () => (await import("./clean/command.ts")).addClean],
  ["prune", async () => (await import("./prune/command.ts")).addPrune],
  ["verify", async () => (await import("./verify/command.ts")).addVerify],
  ["outdated", async () => (await import("./outdated/command.ts")).addOutdated],
  ["update", async () => (await import("./update/command.ts")).addUpdate],
  ["queue", async () => (await import("./queue/command.ts")).addQueue],
  ["status", async () => (await import("./control/command.ts")).addStatus],
  ["limit", async () => (await import("./control/command.ts")).addLimit],
  ["pause", async () => (await import("./control/command.ts")).addPause],
  ["resume", async () => (await import("./control/command.ts")).addResume],
  ["serve", async () => (await import("./serve/command.ts")).addServe],
  ["push", async () => (await import("./push/command.ts")).addPush],
  ["doctor", async () => (await import("./doctor/command.ts")).addDoctor],
  ["completion", async () => (await import("./completion/command.ts")).addCompletion],
  ["help", async () => (await import("./help/command.ts")).addHelp],
  ["version", async () => (await import("./help/version.ts")).addVersion],
]);

/**
 * Runs the command in `argv`, which does not include the name of the program, and resolves with the
 * exit code of the process. All output goes to `host.out` and `host.err`.
 */
export async function run(argv: readonly string[], host: Host, wire: Wire): Promise<number> {
  let exitCode = 0;
  const root = emptyProgram(host);
  for (const add of await commandsFor(argv)) add(root, host, wire, (code) => exitCode = code);
  if (wantsShortHelp(argv)) shorten(root);
  let running: CommandUnknownOpts | undefined;
  root.hook("preAction", (_, command) => {
    running = command;
  });
  try {
    await root.parseAsync(withDefaultCommand(argv, root), { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      await reportUsageError(error, argv, host, wire);
      return exitCodeOf("usage");
    }
    const failure = asPullamaError(error);
    // What can be resumed has been said so by its command, and is no failure.
    const exitCode = failure.kind === "interrupted" ? INTERRUPTED : exitCodeOf(failure.kind);
    const { errorText } = await import("../ui/text/message.ts");
    const err = argv.includes("--no-color") ? plain(host.err) : host.err;
    err.write(errorText(failure, err, { verbose: isVerbose(argv) }));
    if (running?.opts().output === "json") {
      const { failureDocument, failureEvent } = await import("./failure_json.ts");
      const command = pathOf(running);
      const events = EVENT_COMMANDS.includes(command);
      // An archive on stdout is followed by nothing else.
      const out = command === "export" && running.opts().file === "-" ? host.err : host.out;
      out.write(
        events
          ? failureEvent(failure, host.clock.date(), exitCode)
          : failureDocument(failure, exitCode),
      );
    }
    return exitCode;
  }
}

/**
 * Declares all commands, since the message may name others that have a flag. Help is printed
 * already.
 */
async function reportUsageError(
  error: CommanderError,
  argv: readonly string[],
  host: Host,
  wire: Wire,
): Promise<void> {
  if (error.code === "commander.help") return;
  const root = await wholeProgram(host, wire);
  const { usageError } = await import("./help/usage_error.ts");
  host.err.write(usageError(error, argv, root));
}

/** The program with all its commands, for what only reads their declarations. */
export async function wholeProgram(host: Host, wire: Wire): Promise<CommandUnknownOpts> {
  const root = emptyProgram(host);
  for (const add of await loaded(COMMANDS.values())) add(root, host, wire, () => {});
  return root;
}

/**
 * The commands needed to parse a command line: loading and declaring all of them takes some milliseconds. A
 * line that begins with the name of a command needs that one and the default command, whose flags
 * are also those of the program; only pull and help need all others.
 */
function commandsFor(argv: readonly string[]): Promise<readonly AddCommand[]> {
  const [first = ""] = argv;
  const isAlone = COMMANDS.has(first) && first !== "pull" && first !== "help";
  return loaded(isAlone ? ["pull", first].map((name) => COMMANDS.get(name)!) : COMMANDS.values());
}

function loaded(commands: Iterable<LoadCommand>): Promise<readonly AddCommand[]> {
  return Promise.all([...commands].map((load) => load()));
}

/** Whether `--verbose` is given, for errors that occur where flags are not parsed. */
export function isVerbose(argv: readonly string[]): boolean {
  return argv.includes("--verbose") || argv.includes("-v");
}

function emptyProgram(host: Host): CommandUnknownOpts {
  const columns = () => Math.min(HELP_COLUMNS, host.out.columns());
  return new Command("pullama")
    .description(
      "Downloads models from the Ollama registry straight into Ollama's models folder, " +
        "and survives bad connections.",
    )
    .usage("<model>... [flags]\n       pullama <command> [flags]")
    .version(`pullama ${VERSION}`, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help: short with -h, full with --help")
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => host.out.write(text),
      writeErr: (text) => host.err.write(text),
      // Errors are also thrown, and `run` reports them.
      outputError() {},
      getOutHelpWidth: columns,
      getErrHelpWidth: columns,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .configureHelp({ visibleOptions, subcommandTerm })
    .addHelpText("after", LONG_HELP);
}
