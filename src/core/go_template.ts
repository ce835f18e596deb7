/** Reads the parts of a prompt template from which Ollama derives a model's capabilities. */

export interface TemplateTraits {
  /** The names of all fields used, in lower case. */
  readonly fields: ReadonlySet<string>;
  /** Whether the loop over the messages wraps `.Thinking` in tags. */
  readonly thinking: boolean;
}

interface Branch {
  readonly loop: boolean;
  /** The fields in its condition that start a path. */
  readonly heads: readonly string[];
  readonly lists: List[];
}

/** Text, the fields of an action that start a path, or a branch. */
type Node = string | readonly string[] | Branch;
type List = Node[];

/** Real templates nest a handful of levels. */
const MAX_DEPTH = 100;

/** The start of a path at the dot, not at a variable or a parenthesized expression. */
const HEAD = /(?<![\w$.)])\.([A-Za-z_]\w*)/g;
const FIELD = /\.([A-Za-z_]\w*)/g;

/** The traits of a Go template; undefined if it is malformed or nested too deeply. */
export function templateTraits(text: string): TemplateTraits | undefined {
  const fields = new Set<string>();
  const root: List = [];
  // A `define` or `block` has no branch: it is not part of the tree.
  const open: { list: List; branch: Branch | undefined; ends: number }[] = [];
  let list = root;
  let at = 0;
  let trimmed = false;
  while (at < text.length) {
    const brace = text.indexOf("{{", at);
    const action = brace < 0 ? undefined : actionAt(text, brace);
    if (brace >= 0 && action === undefined) return undefined;
    let plain = text.slice(at, brace < 0 ? text.length : brace);
    if (trimmed) plain = plain.trimStart();
    if (action?.trimsBefore) plain = plain.trimEnd();
    if (plain !== "") list.push(plain);
    if (action === undefined) break;
    at = action.end;
    trimmed = action.trimsAfter;
    const { code } = action;
    if (code === "") continue;
    for (const [, field] of code.matchAll(FIELD)) fields.add(field!.toLowerCase());
    const heads = [...code.matchAll(HEAD)].map((hit) => hit[1]!);
    const [word = "", second = ""] = code.split(/\s+/);
    if (/^(if|range|with|define|block)$/.test(word)) {
      const branch = { loop: word === "range", heads, lists: [[]] };
      const part = /^(if|range|with)$/.test(word);
      if (part) list.push(branch);
      open.push({ list, branch: part ? branch : undefined, ends: 1 });
      list = branch.lists[0]!;
    } else if (word === "else") {
      const top = open.at(-1);
      if (top?.branch === undefined) return undefined;
      list = [];
      top.branch.lists.push(list);
      if (/^(if|with)$/.test(second)) {
        const branch = { loop: false, heads, lists: [[]] };
        list.push(branch);
        open.push({ list, branch, ends: top.ends + 1 });
        list = branch.lists[0]!;
      }
    } else if (word === "end") {
      const count = open.at(-1)?.ends ?? 0;
      if (count === 0) return undefined;
      list = open.splice(-count)[0]!.list;
    } else {
      list.push(heads);
    }
    if (open.length > MAX_DEPTH) return undefined;
  }
  return open.length > 0 ? undefined : { fields, thinking: hasTags(root) };
}

interface Action {
  /** The action without literals and comments. */
  readonly code: string;
  readonly trimsBefore: boolean;
  readonly trimsAfter: boolean;
  /** The index after its closing braces. */
  readonly end: number;
}

/** The action that opens at `start`; undefined if it is not closed. */
function actionAt(text: string, start: number): Action | undefined {
  const trimsBefore = /^-\s/.test(text.slice(start + 2, start + 4));
  let at = start + (trimsBefore ? 4 : 2);
  if (text.startsWith("/*", at)) {
    const close = text.indexOf("*/", at);
    if (close < 0) return undefined;
    at = close + 2;
  }
  let code = "";
  for (let from = at; at < text.length; at++) {
    const mark = text[at]!;
    if (mark === '"' || mark === "'" || mark === "`") {
      code += `${text.slice(from, at)} `;
      at = endOfLiteral(text, at);
      from = at;
      at--;
    } else if (mark === "}" && text[at + 1] === "}") {
      code += text.slice(from, at);
      const trimsAfter = /\s-$/.test(text.slice(Math.max(start, at - 2), at));
      return { code: code.replace(/\s-$/, "").trim(), trimsBefore, trimsAfter, end: at + 2 };
    }
  }
  return undefined;
}

/** The index after the closing quote of the literal at `start`, or the end of the text. */
function endOfLiteral(text: string, start: number): number {
  const quote = text[start]!;
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\" && quote !== "`") at++;
    else if (text[at] === quote) return at + 1;
  }
  return text.length;
}

/**
 * Whether a list with `.Thinking` in it begins and ends with text, and its nearest loop is over the
 * messages. Later text replaces earlier text; a list without text changes nothing.
 */
function hasTags(root: List): boolean {
  let opening = "";
  let closing = "";
  const check = (heads: readonly string[], list: List, inMessages: boolean) => {
    if (!inMessages || !heads.includes("Thinking")) return;
    const [first, last] = [list[0], list.at(-1)];
    if (typeof first === "string") opening = first.trim();
    if (typeof last === "string") closing = last.trim();
  };
  const visit = (list: List, inMessages: boolean) => {
    for (const node of list) {
      if (typeof node === "string") continue;
      if (!("lists" in node)) check(node, list, inMessages);
      else {
        const inside = node.loop ? node.heads.includes("Messages") : inMessages;
        check(node.heads, list, inside);
        for (const inner of node.lists) visit(inner, inside);
      }
    }
  };
  visit(root, false);
  return opening !== "" && closing !== "";
}
