/** The command line: which commands there are, and how wrong words are answered. */

import {
  Command,
  CommanderError,
  type CommandUnknownOpts,
  Help,
} from "@commander-js/extra-typings";
import { asPullamaError, exitCodeOf } from "../core/errors.ts";
import { errorText } from "../ui/message.ts";
import { plain } from "../ui/terminal.ts";
import { commandFirst, DEFAULT_COMMAND } from "./command_first.ts";
import { addHelp } from "./commands/help.ts";
import { addPull, type PullWire } from "./commands/pull.ts";
import { addVersion } from "./commands/version.ts";
import type { Host } from "./host.ts";
import { VERSION } from "../setup/version.ts";

/** Everything that commands are wired to. */
export type Wire = PullWire;

type AddCommand = (
  root: CommandUnknownOpts,
  host: Host,
  wire: Wire,
  ended: (exitCode: number) => void,
) => void;

/** In the order of the help. */
const COMMANDS: readonly AddCommand[] = [addPull, addHelp, addVersion];

const HELP_COLUMNS = 80;

const EXAMPLES = `
Examples:
  pullama llama3.2                   pull a model; run it again to go on
  pullama mistral:7b phi3:mini       several, one after another
  pullama hf.co/user/model:Q4_K_M    from another registry
  pullama llama3.2 --limit-rate 5M --retry-for 24h
  pullama llama3.2 --output json | jq .pct
`;

const EXIT_CODES = `
Exit codes:
  0  success, or interrupted and can be resumed
  1  any other error
  2  disk full
  3  authentication failed
  4  model not found`;

/**
 * Runs the command that `argv` asks for, without the name of the program, and resolves with the exit code
 * of the process. Everything that is said goes to `host.out` and `host.err`.
 */
export async function run(argv: readonly string[], host: Host, wire: Wire): Promise<number> {
  let exitCode = 0;
  const root = emptyProgram(host);
  for (const add of COMMANDS) add(root, host, wire, (code) => exitCode = code);
  try {
    await root.parseAsync(commandFirst(argv, root), { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodeOf("usage");
    const failure = asPullamaError(error);
    const err = argv.includes("--no-color") ? plain(host.err) : host.err;
    err.write(errorText(failure, err, { verbose: isVerbose(argv) }));
    return exitCodeOf(failure.kind);
  }
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
    .helpOption("-h, --help", "show this help")
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => host.out.write(text),
      writeErr: (text) => host.err.write(text),
      getOutHelpWidth: columns,
      getErrHelpWidth: columns,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showHelpAfterError('hint: see "pullama help"')
    .configureHelp({ visibleOptions })
    .addHelpText("after", EXAMPLES + EXIT_CODES);
}

/** The help of the program also has the flags of its default command. */
function visibleOptions(command: CommandUnknownOpts): ReturnType<Help["visibleOptions"]> {
  const own = new Help().visibleOptions(command);
  const standard = command.parent === null
    ? command.commands.find((child) => child.name() === DEFAULT_COMMAND)
    : undefined;
  return [...(standard?.options ?? []), ...own];
}
