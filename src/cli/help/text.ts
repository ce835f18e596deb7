/** Help of two lengths: `-h` is one screen, `--help` is everything. */

import { type CommandUnknownOpts, Help } from "@commander-js/extra-typings";
import { DEFAULT_COMMAND } from "../args/default_command.ts";

export const HELP_COLUMNS = 80;

/** What stands below the flags of the program. */
export const LONG_HELP = `
Examples:
  pullama llama3.2                   pull a model; run it again to go on
  pullama mistral:7b phi3:mini       several, one after another
  pullama hf.co/user/model:Q4_K_M    from another registry
  pullama llama3.2 --limit-rate 5M --retry-for 24h
  pullama llama3.2 --output json | jq 'select(.pct).pct'
  pullama pull list                  a model that is called like a command
  pullama doctor llama3.2            what is in the way of a model

Environment:
  OLLAMA_MODELS                      where models are stored
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY  proxies: http, https and socks5
  SSL_CERT_FILE, SSL_CERT_DIR        certificates to trust besides the system's
  PULLAMA_KEY                        key to log in with; ~/.ollama/id_ed25519
  PULLAMA_REGISTRY_HOST, PULLAMA_REGISTRY_USER, PULLAMA_REGISTRY_PASSWORD
                                     login for a registry, before DOCKER_CONFIG
  NO_COLOR, FORCE_COLOR              whether to use colour
  CI                                 short logs: a line for each 10 % or minute

Exit codes:
  0  success, or interrupted and can be resumed
  1  any other error
  2  disk full
  3  authentication failed
  4  model not found`;

const SHORT_HELP = `
Examples:
  pullama llama3.2                   pull a model; run it again to go on
  pullama list                       what is installed
  pullama doctor                     what is wrong with the network or the folder

Everything: pullama --help`;

/** Whether the user asked with `-h`, and not with `--help`. */
export function wantsShortHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  const flags = end === -1 ? argv : argv.slice(0, end);
  return flags.includes("-h") && !flags.includes("--help");
}

/** The flags that the help of a command shows: that of the program also has those of its default command. */
export function visibleOptions(command: CommandUnknownOpts): ReturnType<Help["visibleOptions"]> {
  const own = new Help().visibleOptions(command);
  const standard = command.parent === null
    ? command.commands.find((child) => child.name() === DEFAULT_COMMAND)
    : undefined;
  return [...(standard?.options ?? []), ...own];
}

/** Leaves the examples and explanations out of the help of all commands. */
export function shorten(root: CommandUnknownOpts): void {
  withoutMore(root);
  root.configureHelp({ visibleOptions: (command) => new Help().visibleOptions(command) });
  root.addHelpText("after", SHORT_HELP);
}

function withoutMore(command: CommandUnknownOpts): void {
  // Commands are emitters of events, which their types do not say.
  const emitter = command as unknown as { removeAllListeners(event: string): void };
  emitter.removeAllListeners("afterHelp");
  for (const child of command.commands) withoutMore(child);
}
