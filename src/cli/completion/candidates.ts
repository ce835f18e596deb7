/** Completion candidates: commands, flags, their values, models, and positions in the queue. */

import type { CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { DEFAULT_COMMAND } from "../args/default_command.ts";
import { childOf, pathOf } from "../args/command_path.ts";

/** A possible word, and its description. */
export interface Candidate {
  readonly value: string;
  readonly about?: string;
}

/** Possible words, or the kind of path that the shell should complete itself. */
export type Completion = readonly Candidate[] | "folders" | "files";

/** Candidates that the definitions of the commands do not contain. */
export interface CompletionSources {
  /** Installed models; `modelsDir` is the value of `--models-dir`, if present. */
  models(modelsDir: string | undefined): Promise<readonly Candidate[]>;
  /** Positions of queue entries that can be removed. */
  positions(modelsDir: string | undefined): Promise<readonly Candidate[]>;
  readonly shells: readonly string[];
  /** What `~` at the start of a word expands to. */
  readonly home: string | undefined;
}

const FOLDER_FLAG = "--models-dir";
const FILE_FLAGS: readonly (string | undefined)[] = [
  "--ca-cert",
  "--file",
  "--from-file",
  "--skip-list",
];
/** The beginning of a path, which no name of a model has. */
const PATH = /^[./~\\]|^[a-z]:[\\/]/i;

/**
 * Candidates for the last of `words`, which may be empty or blank. `words` starts after the program's name.
 */
export async function complete(
  words: readonly string[],
  root: CommandUnknownOpts,
  sources: CompletionSources,
): Promise<Completion> {
  const last = words.at(-1)?.trim() ?? "";
  const line = parseLine(words.slice(0, -1), root, sources.home);
  if (line.open) return valuesOf(line.open, last, "");
  const [flag, value] = splitFlag(last);
  if (value !== undefined) {
    const option = line.options.find(({ long }) => long === flag);
    return option?.required ? valuesOf(option, value, `${flag}=`) : [];
  }
  if (last.startsWith("-") && !line.wordsOnly) return starting(flagsLeft(line), last);
  const command = pathOf(line.command);
  if (command === "import") return "files";
  const copies = command === "cp" || command === "mv";
  if (copies && (PATH.test(last) || line.used.has("--all"))) return "folders";
  return starting(await wordsFor(line, root, sources), last);
}

interface Line {
  readonly command: CommandUnknownOpts;
  readonly options: readonly Option[];
  /** Flags that are already given. */
  readonly used: ReadonlySet<string>;
  /** The words after the command that are neither flags nor their values. */
  readonly operands: readonly string[];
  /** A flag whose value is missing. */
  readonly open: Option | undefined;
  /** `--` was given: no further word is a flag. */
  readonly wordsOnly: boolean;
  readonly modelsDir: string | undefined;
}

function parseLine(
  words: readonly string[],
  root: CommandUnknownOpts,
  home: string | undefined,
): Line {
  let command = root;
  let open: Option | undefined;
  let wordsOnly = false;
  let modelsDir: string | undefined;
  const used = new Set<string>();
  const operands: string[] = [];
  for (const word of words) {
    const options = optionsOf(command, root);
    if (open) {
      if (open.long === FOLDER_FLAG) modelsDir = expanded(word, home);
      open = undefined;
    } else if (word === "--") wordsOnly = true;
    else if (word.startsWith("-") && !wordsOnly) {
      const [flag, value] = splitFlag(word);
      const option = options.find(({ long, short }) => long === flag || short === flag);
      used.add(option?.long ?? flag);
      if (option?.long === FOLDER_FLAG) modelsDir = value;
      if (option?.required && value === undefined) open = option;
    } else {
      const child = operands.length > 0 ? undefined : childOf(command, word);
      if (child) command = child;
      else operands.push(word);
    }
  }
  return { command, options: optionsOf(command, root), used, operands, open, wordsOnly, modelsDir };
}

/** Expands `~`, which the shell has not done yet on a line that is being edited. */
function expanded(word: string, home: string | undefined): string {
  return home === undefined ? word : word.replace(/^~(?=\/|$)/, () => home);
}

/** The flags of a command, and those of the default command if no command is given yet. */
function optionsOf(command: CommandUnknownOpts, root: CommandUnknownOpts): readonly Option[] {
  const standard = command === root ? childOf(root, DEFAULT_COMMAND) : undefined;
  return [...command.options, ...(standard?.options ?? [])].filter(({ hidden }) => !hidden);
}

function splitFlag(word: string): [flag: string, value: string | undefined] {
  const at = word.startsWith("--") ? word.indexOf("=") : -1;
  return at === -1 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

function flagsLeft({ options, used }: Line): Candidate[] {
  const left = options.flatMap(({ long, description }) =>
    long === undefined || used.has(long) ? [] : [{ value: long, about: description }]
  );
  return [...left, { value: "--help", about: "print help" }];
}

function valuesOf(option: Option, typed: string, prefix: string): Completion {
  if (option.long === FOLDER_FLAG) return "folders";
  if (FILE_FLAGS.includes(option.long)) return "files";
  const values = (option.argChoices ?? []).map((value) => ({ value: `${prefix}${value}` }));
  return starting(values, `${prefix}${typed}`);
}

async function wordsFor(
  { command, operands, modelsDir }: Line,
  root: CommandUnknownOpts,
  sources: CompletionSources,
): Promise<readonly Candidate[]> {
  const unused = (found: readonly Candidate[]) =>
    found.filter(({ value }) => !operands.includes(value));
  if (command === root) {
    const models = await sources.models(modelsDir);
    return operands.length > 0 ? unused(models) : [...commandsOf(root), ...models];
  }
  if (command.commands.length > 0) return commandsOf(command);
  switch (pathOf(command)) {
    case "pull":
    case "rm":
    case "cp":
    case "mv":
    case "export":
    case "push":
    case "clean":
    case "verify":
    case "outdated":
    case "update":
    case "queue add":
      return unused(await sources.models(modelsDir));
    case "show":
    case "list":
    case "doctor":
      return operands.length > 0 ? [] : await sources.models(modelsDir);
    case "queue rm":
      return unused(await sources.positions(modelsDir));
    case "completion":
      return operands.length > 0 ? [] : sources.shells.map((value) => ({ value }));
    case "help":
    case "queue help":
      return commandsOf(operands.reduce<CommandUnknownOpts | undefined>(
        (group, word) => group && childOf(group, word),
        command.parent ?? root,
      ));
    default:
      return [];
  }
}

function commandsOf(group: CommandUnknownOpts | undefined): Candidate[] {
  if (group === undefined) return [];
  return group.createHelp().visibleCommands(group).map((child) => ({
    value: child.name(),
    about: child.description(),
  }));
}

function starting(candidates: readonly Candidate[], typed: string): Candidate[] {
  return candidates.filter(({ value }) => value.startsWith(typed));
}
