/** Help texts: `-h` prints one screen, `--help` everything. */

import { type CommandUnknownOpts, Help } from "@commander-js/extra-typings";
import { DEFAULT_COMMAND } from "../args/default_command.ts";

export const HELP_COLUMNS = 80;

/** The text below the flags in the help of the program. */
export const LONG_HELP = `
Examples:
  pullama llama3.2                   pull a model; run again to resume
  pullama mistral:7b phi3:mini       pull several, one after another
  pullama hf.co/user/model:Q4_K_M    pull from another registry
  pullama llama3.2 --limit-rate 5M --retry-for 24h
  pullama llama3.2 --output json | jq 'select(.pct).pct'
  pullama pull list                  pull a model that is named like a command
  pullama doctor llama3.2            find out why a pull fails

Environment:
  OLLAMA_MODELS                      where models are stored
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY  proxies: http, https and socks5
  SSL_CERT_FILE, SSL_CERT_DIR        additional trusted certificates
  PULLAMA_KEY                        login key (default: ~/.ollama/id_ed25519)
  PULLAMA_REGISTRY_HOST, PULLAMA_REGISTRY_USER, PULLAMA_REGISTRY_PASSWORD
                                     registry login, overrides DOCKER_CONFIG
  PULLAMA_TOKEN_HOSTS                other hosts that get it, as --token-host
  PULLAMA_MIRRORS                    mirrors to ask first, as --mirror
  NO_COLOR, FORCE_COLOR              disable or force colors
  CI                                 short logs: one line per 10% or minute

Exit codes:
  0  success, or interrupted and can be resumed
  1  any other error
  2  disk full
  3  authentication failed
  4  model not found`;

/** On one line. */
const SHORT_DESCRIPTION =
  "Downloads models into Ollama's models folder, and survives bad connections.";

const SHORT_HELP = `
Example:
  pullama llama3.2                   pull a model; run again to resume

All flags and examples: pullama --help`;

/** Whether `-h` was given, and not `--help`. */
export function wantsShortHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  const flags = end === -1 ? argv : argv.slice(0, end);
  return flags.includes("-h") && !flags.includes("--help");
}

/**
 * The flags in the help of a command; that of the program includes those of its default command.
 */
export function visibleOptions(command: CommandUnknownOpts): ReturnType<Help["visibleOptions"]> {
  const own = new Help().visibleOptions(command);
  const standard = command.parent === null
    ? command.commands.find((child) => child.name() === DEFAULT_COMMAND)
    : undefined;
  return [...(standard?.options ?? []), ...own];
}

/** A command in the list of commands: all have flags, so that is not said of each. */
export function subcommandTerm(command: CommandUnknownOpts): string {
  return new Help().subcommandTerm(command).replace(" [options]", "");
}

/** Removes examples and explanations from the help of all commands. */
export function shorten(root: CommandUnknownOpts): void {
  removeAfterHelp(root);
  root.description(SHORT_DESCRIPTION);
  root.configureHelp({
    visibleOptions: (command) => new Help().visibleOptions(command),
    subcommandTerm,
  });
  root.addHelpText("after", SHORT_HELP);
}

function removeAfterHelp(command: CommandUnknownOpts): void {
  // Commands are event emitters, although their types do not show it.
  const emitter = command as unknown as { removeAllListeners(event: string): void };
  emitter.removeAllListeners("afterHelp");
  for (const child of command.commands) removeAfterHelp(child);
}
