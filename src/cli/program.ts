/** The command line: which commands there are, and how wrong words are answered. */

import { Command, CommanderError, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { asPullamaError, exitCodeOf } from "../core/errors.ts";
import { plain } from "../ui/terminal/terminal.ts";
import type { DoctorWire } from "./doctor/run.ts";
import type { CleanWire } from "./clean/run.ts";
import { withDefaultCommand } from "./args/default_command.ts";
import { pathOf } from "./args/command_path.ts";
import { addClean } from "./clean/command.ts";
import { addCompletion } from "./completion/command.ts";
import { addDoctor } from "./doctor/command.ts";
import { addHelp } from "./help/command.ts";
import { addList } from "./list/command.ts";
import { addPull, type PullWire } from "./pull/command.ts";
import { addQueue, type QueueWire } from "./queue/command.ts";
import { addRm } from "./rm/command.ts";
import { addShow } from "./show/command.ts";
import { addVersion } from "./help/version.ts";
import type { CompletionWire } from "./completion/run.ts";
import { HELP_COLUMNS, LONG_HELP, shorten, visibleOptions, wantsShortHelp } from "./help/text.ts";
import type { Host } from "./host/host.ts";
import type { ModelsWire } from "./host/models_wire.ts";
import type { RmWire } from "./rm/run.ts";
import { VERSION } from "../setup/version.ts";

/** Everything that commands are wired to. */
export type Wire =
  & PullWire
  & QueueWire
  & ModelsWire
  & RmWire
  & CleanWire
  & CompletionWire
  & DoctorWire;

type AddCommand = (
  root: CommandUnknownOpts,
  host: Host,
  wire: Wire,
  ended: (exitCode: number) => void,
) => void;

/** All others answer with one document where JSON is asked for. */
const ANSWERS_WITH_EVENTS: readonly string[] = ["pull", "queue start"];

/** In the order of the help. */
const COMMANDS: ReadonlyMap<string, AddCommand> = new Map<string, AddCommand>([
  ["pull", addPull],
  ["list", addList],
  ["show", addShow],
  ["rm", addRm],
  ["clean", addClean],
  ["queue", addQueue],
  ["doctor", addDoctor],
  ["completion", addCompletion],
  ["help", addHelp],
  ["version", addVersion],
]);

/**
 * Runs the command that `argv` asks for, without the name of the program, and resolves with the exit code
 * of the process. Everything that is said goes to `host.out` and `host.err`.
 */
export async function run(argv: readonly string[], host: Host, wire: Wire): Promise<number> {
  let exitCode = 0;
  const root = emptyProgram(host);
  for (const add of commandsFor(argv)) add(root, host, wire, (code) => exitCode = code);
  if (wantsShortHelp(argv)) shorten(root);
  let asked: CommandUnknownOpts | undefined;
  root.hook("preAction", (_, command) => {
    asked = command;
  });
  try {
    await root.parseAsync(withDefaultCommand(argv, root), { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      await sayWrong(error, argv, host, wire);
      return exitCodeOf("usage");
    }
    const failure = asPullamaError(error);
    const { errorText } = await import("../ui/text/message.ts");
    const err = argv.includes("--no-color") ? plain(host.err) : host.err;
    err.write(errorText(failure, err, { verbose: isVerbose(argv) }));
    if (asked?.opts().output === "json") {
      const { failureDocument, failureEvent } = await import("./failure_json.ts");
      const events = ANSWERS_WITH_EVENTS.includes(pathOf(asked));
      host.out.write(events ? failureEvent(failure, host.clock.date()) : failureDocument(failure));
    }
    return exitCodeOf(failure.kind);
  }
}

/** To name the commands that a flag belongs to, all have to be there. Help was shown by who found it wanting. */
async function sayWrong(
  error: CommanderError,
  argv: readonly string[],
  host: Host,
  wire: Wire,
): Promise<void> {
  if (error.code === "commander.help") return;
  const root = emptyProgram(host);
  for (const add of COMMANDS.values()) add(root, host, wire, () => {});
  const { usageError: wrongWords } = await import("./help/usage_error.ts");
  host.err.write(wrongWords(error, argv, root));
}

/**
 * The commands that have to be there to understand a line: to declare all of them takes some milliseconds. A line
 * that begins with the name of a command needs that and the default command, whose flags are the program's too;
 * only pull and help speak of all others.
 */
function commandsFor(argv: readonly string[]): Iterable<AddCommand> {
  const asked = COMMANDS.get(argv[0] ?? "");
  const alone = asked !== undefined && asked !== addPull && asked !== addHelp;
  return alone ? [addPull, asked] : COMMANDS.values();
}

/** Whether stacks are wanted, for failures that happen where flags are not parsed. */
export function isVerbose(argv: readonly string[]): boolean {
  return argv.includes("--verbose") || argv.includes("-v");
}

function emptyProgram(host: Host): CommandUnknownOpts {
  const columns = () => Math.min(HELP_COLUMNS, host.out.columns());
  return new Command("pullama")
    .description("Pulls models from the Ollama registry, and goes on where it was interrupted.")
    .usage("<model>... [flags]\n       pullama <command> [flags]")
    .version(`pullama ${VERSION}`, "-V, --version", "say which version this is")
    .helpOption("-h, --help", "help: in short with -h, all of it with --help")
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => host.out.write(text),
      writeErr: (text) => host.err.write(text),
      // It is thrown as well, and said by `run`.
      outputError() {},
      getOutHelpWidth: columns,
      getErrHelpWidth: columns,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .configureHelp({ visibleOptions })
    .addHelpText("after", LONG_HELP);
}
