/** Manual pages in roff, made from the same declarations as the help. */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { pathOf } from "../args/command_path.ts";

/** What a page says of itself in its first and last line. */
export interface Edition {
  readonly version: string;
  readonly date: Date;
}

/** Headings in help texts, and what they are called in manual pages. */
const SECTIONS: ReadonlyMap<string, string> = new Map([
  ["Examples:", "EXAMPLES"],
  ["Environment:", "ENVIRONMENT"],
  ["Exit codes:", "EXIT STATUS"],
]);

/** Options without a group: they are listed first, without a heading. */
const UNGROUPED = "Options:";
const COLUMNS = 72;

/** The commands that have a page: the program, and all that are not hidden. */
export function commandsWithPage(group: CommandUnknownOpts): CommandUnknownOpts[] {
  const children = group.createHelp().visibleCommands(group) as CommandUnknownOpts[];
  return [group, ...children.flatMap(commandsWithPage)];
}

/** Such as `pullama-queue-add`. */
export function pageName(command: CommandUnknownOpts): string {
  return ["pullama", ...pathOf(command).split(" ")].filter((word) => word !== "").join("-");
}

/** The page of a command, in section 1. */
export function manPage(command: CommandUnknownOpts, { version, date }: Edition): string {
  const help = command.createHelp();
  const { prose, sections } = parse(textAfterHelp(command));
  const day = date.toISOString().slice(0, 10);
  const name = pageName(command);
  const summary = help.commandDescription(command);
  const terms = help.visibleArguments(command)
    .map((each) => item(italic(help.argumentTerm(each)), help.argumentDescription(each)));
  const children = commandsWithPage(command).filter((child) => child.parent === command);
  return [
    `.TH ${name.toUpperCase().replaceAll("-", "\\-")} 1 ${day} "pullama ${version}"`,
    // No variable or flag is broken at a hyphen.
    ".nh",
    ".ad l",
    ".SH NAME",
    ...filled(`${name} - ${summary.replace(/\.$/, "")}`),
    ".SH SYNOPSIS",
    ...help.commandUsage(command).split("\n").flatMap((line, i) => [
      ...(i === 0 ? [] : [".br"]),
      synopsis(line.trim()),
    ]),
    ...section("DESCRIPTION", [...filled(sentence(summary)), ...prose]),
    ...section("ARGUMENTS", terms.flat()),
    ...section("OPTIONS", options(command)),
    ...section(
      "COMMANDS",
      children.flatMap((
        child,
      ) => [".TP", reference(child), ...filled(help.subcommandDescription(child))]),
    ),
    ...sections.flatMap(([title, lines]) => section(title, lines)),
    ...section("SEE ALSO", ancestors(command).map(reference)),
    "",
  ].join("\n");
}

function ancestors({ parent }: CommandUnknownOpts): CommandUnknownOpts[] {
  return parent === null ? [] : [...ancestors(parent), parent];
}

/** A heading begins a paragraph already. */
function section(title: string, lines: readonly string[]): string[] {
  const [first, ...rest] = lines;
  if (first === undefined) return [];
  return [`.SH ${title}`, ...(first === ".PP" ? [] : [first]), ...rest];
}

function options(command: CommandUnknownOpts): string[] {
  const help = command.createHelp();
  const groups = Map.groupBy(
    help.visibleOptions(command),
    ({ helpGroupHeading }) => helpGroupHeading ?? UNGROUPED,
  );
  const order = [...groups].sort(([a], [b]) => Number(b === UNGROUPED) - Number(a === UNGROUPED));
  return order.flatMap(([group, options]) => [
    ...(group === UNGROUPED ? [] : [`.SS ${group.replace(/:$/, "")}`]),
    ...options.flatMap((each) =>
      item(flagTerm(help.optionTerm(each)), help.optionDescription(each))
    ),
  ]);
}

/** A tagged paragraph; `term` is roff already. */
function item(term: string, about: string): string[] {
  return [".TP", term, ...filled(about)];
}

function reference(command: CommandUnknownOpts): string {
  return `.BR ${escaped(pageName(command))} (1)`;
}

/** Words up to the first argument are typed as they are. */
function synopsis(usage: string): string {
  const [typed = ""] = /^[^[<]*/.exec(usage) ?? [];
  return `${bold(typed.trim())} ${placeholders(usage.slice(typed.length))}`;
}

function flagTerm(term: string): string {
  return term.split(" ").map((word) => word.startsWith("-") ? flagWord(word) : placeholders(word))
    .join(" ");
}

function flagWord(word: string): string {
  return word.endsWith(",") ? `${bold(word.slice(0, -1))},` : bold(word);
}

/** `<dir>` in italics, without its brackets. */
function placeholders(text: string): string {
  return text.split(/(<[^>]+>)/).map((part) =>
    part.startsWith("<") ? italic(part.slice(1, -1)) : escaped(part)
  ).join("");
}

function bold(text: string): string {
  return `\\fB${escaped(text)}\\fR`;
}

function italic(text: string): string {
  return `\\fI${escaped(text)}\\fR`;
}

function sentence(text: string): string {
  const whole = text.endsWith(".") ? text : `${text}.`;
  return whole[0]!.toUpperCase() + whole.slice(1);
}

/** The text that a command adds below its flags. */
function textAfterHelp(command: CommandUnknownOpts): string {
  // Commands are event emitters, although their types do not show it.
  const emitter = command as unknown as { emit(event: string, context: object): void };
  let text = "";
  emitter.emit("afterHelp", { command, error: false, write: (more: string) => text += more });
  return text;
}

interface Parsed {
  readonly prose: readonly string[];
  readonly sections: readonly (readonly [title: string, lines: readonly string[]])[];
}

/** Paragraphs first, then sections with indented lines. */
function parse(text: string): Parsed {
  const blocks = text.trim().split(/\n{2,}/).filter((block) => block !== "");
  const prose: string[] = [];
  const sections: [string, readonly string[]][] = [];
  for (const block of blocks) {
    const [heading = "", ...rows] = block.split("\n");
    const title = SECTIONS.get(heading);
    if (title === undefined) prose.push(".PP", ...paragraph(block));
    else sections.push([title, title === "EXAMPLES" ? rows.flatMap(example) : table(rows)]);
  }
  return { prose, sections };
}

/** Indented lines are typed as they are. */
function paragraph(block: string): string[] {
  const parts = block.split(/((?:^ {2}.*(?:\n|$))+)/m).filter((part) => part.trim() !== "");
  return parts.flatMap((part) =>
    part.startsWith("  ") ? literal(part.trimEnd().split("\n")) : filled(part)
  );
}

function literal(rows: readonly string[]): string[] {
  const lines = rows.map((row) => guarded(escaped(row.replace(/^ {2}/, ""))));
  return [".RS 2", ".nf", ...lines, ".fi", ".RE"];
}

/** A command, with what it does below it: both do not fit into a line of a page. */
function example(row: string): string[] {
  const [command = "", about] = row.trim().split(/ {3,}/);
  return about === undefined ? [".PP", bold(command)] : item(bold(command), about);
}

/** Rows of a word and its meaning, which may begin below it. */
function table(rows: readonly string[]): string[] {
  const items: [word: string, about: string][] = [];
  for (const row of rows) {
    const [, word, about] = /^ {2}(\S.*?)(?: {2,}(\S.*))?$/.exec(row) ?? [];
    const last = items.at(-1);
    if (word !== undefined) items.push([word, about ?? ""]);
    else if (last !== undefined) last[1] = `${last[1]} ${row.trim()}`.trim();
  }
  return items.flatMap(([word, about]) => item(bold(word), about));
}

/** Text in lines that editors show whole. */
function filled(text: string): string[] {
  const lines: string[] = [];
  for (const word of escaped(text).split(/\s+/).filter((word) => word !== "")) {
    const longer = `${lines.at(-1) ?? ""} ${word}`.trimStart();
    if (lines.length === 0 || longer.length > COLUMNS) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines.map(guarded);
}

/** A line that does not begin with a dot, which would make it a request. */
function guarded(line: string): string {
  return line.startsWith(".") ? `\\&${line}` : line;
}

/** Characters that roff would take for others: hyphens and quotes are copied into shells. */
function escaped(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("'", "\\(aq")
    .replaceAll("`", "\\(ga").replaceAll("^", "\\(ha").replaceAll("~", "\\(ti");
}
