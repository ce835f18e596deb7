/** What could come next on a command line: commands, flags, their values, models, positions of the queue. */

import type { CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { DEFAULT_COMMAND } from "../args/default_command.ts";
import { childOf, pathOf } from "../args/command_path.ts";

/** One word that fits, and what it is. */
export interface Candidate {
  readonly value: string;
  readonly about?: string;
}

/** Words that fit, or what kind of path the shell itself should look for. */
export type Completion = readonly Candidate[] | "folders" | "files";

/** What words can stand for that the commands do not know. */
export interface CompletionSources {
  /** Installed models in the models folder that `--models-dir` names, if it is on the line. */
  models(modelsDir: string | undefined): Promise<readonly Candidate[]>;
  /** Entries of its queue that can be removed. */
  positions(modelsDir: string | undefined): Promise<readonly Candidate[]>;
  readonly shells: readonly string[];
  /** What a shell makes of a `~` in front of a word. */
  readonly home: string | undefined;
}

const FOLDER_FLAG = "--models-dir";
const FILE_FLAG = "--ca-cert";

/** What the last of `words`, which may be empty, can become; the words before it follow the program's name. */
export async function complete(
  words: readonly string[],
  root: CommandUnknownOpts,
  sources: CompletionSources,
): Promise<Completion> {
  const last = words.at(-1) ?? "";
  const line = read(words.slice(0, -1), root, sources.home);
  if (line.open) return valuesOf(line.open, last, "");
  const [flag, value] = splitFlag(last);
  if (value !== undefined) {
    const option = line.options.find(({ long }) => long === flag);
    return option?.required ? valuesOf(option, value, `${flag}=`) : [];
  }
  if (last.startsWith("-") && !line.wordsOnly) return starting(flagsLeft(line), last);
  return starting(await wordsFor(line, root, sources), last);
}

interface Line {
  readonly command: CommandUnknownOpts;
  readonly options: readonly Option[];
  /** Flags that stand there already. */
  readonly used: ReadonlySet<string>;
  /** The words after the command that are neither flags nor their values. */
  readonly operands: readonly string[];
  /** A flag that still lacks its value. */
  readonly open: Option | undefined;
  /** After `--` nothing is a flag. */
  readonly wordsOnly: boolean;
  readonly modelsDir: string | undefined;
}

function read(
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

/** As the program will get it: a line that is being written still has what the shell replaces. */
function expanded(word: string, home: string | undefined): string {
  return home === undefined ? word : word.replace(/^~(?=\/|$)/, () => home);
}

/** The flags of a command; those of the default command where none is given yet. */
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
  return [...left, { value: "--help", about: "show help" }];
}

function valuesOf(option: Option, typed: string, prefix: string): Completion {
  if (option.long === FOLDER_FLAG) return "folders";
  if (option.long === FILE_FLAG) return "files";
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
    case "clean":
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
