/** What a prompt template makes use of, as far as Ollama tells from it what a model can do. */

export interface TemplateTraits {
  /** The names of all fields it uses, in lower case. */
  readonly fields: ReadonlySet<string>;
  /** It wraps what a model thought in tags of its own, within its loop over the messages. */
  readonly thinking: boolean;
}

interface Branch {
  readonly loop: boolean;
  /** The fields of its condition that begin a path. */
  readonly heads: readonly string[];
  readonly lists: List[];
}

/** Text, the fields in an action that begin a path, or a branch. */
type Node = string | readonly string[] | Branch;
type List = Node[];

/** A template of people has a handful. */
const MAX_DEPTH = 100;

/** A path that begins at the dot, not at a variable or at something in brackets. */
const HEAD = /(?<![\w$.)])\.([A-Za-z_]\w*)/g;
const FIELD = /\.([A-Za-z_]\w*)/g;

/** The traits of a template in Go's language; undefined where it is none, or nests beyond reason. */
export function templateTraits(text: string): TemplateTraits | undefined {
  const fields = new Set<string>();
  const root: List = [];
  // The branch of undefined is that of a `define`, which is no part of the tree.
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
  /** Without literals and comments. */
  readonly code: string;
  readonly trimsBefore: boolean;
  readonly trimsAfter: boolean;
  /** The index after its closing braces. */
  readonly end: number;
}

/** The action that opens at `start`; undefined if it does not close. */
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

/** The index after the quote that closes the one at `start`, or the end of the text. */
function endOfLiteral(text: string, start: number): number {
  const quote = text[start]!;
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\" && quote !== "`") at++;
    else if (text[at] === quote) return at + 1;
  }
  return text.length;
}

/**
 * Whether text stands at both ends of a list with `.Thinking` in it, when the nearest loop is over the
 * messages. What is found later counts, but no text does not undo text.
 */
function hasTags(root: List): boolean {
  let opening = "";
  let closing = "";
  const look = (heads: readonly string[], list: List, inMessages: boolean) => {
    if (!inMessages || !heads.includes("Thinking")) return;
    const [first, last] = [list[0], list.at(-1)];
    if (typeof first === "string") opening = first.trim();
    if (typeof last === "string") closing = last.trim();
  };
  const visit = (list: List, inMessages: boolean) => {
    for (const node of list) {
      if (typeof node === "string") continue;
      if (!("lists" in node)) look(node, list, inMessages);
      else {
        const inside = node.loop ? node.heads.includes("Messages") : inMessages;
        look(node.heads, list, inside);
        for (const inner of node.lists) visit(inner, inside);
      }
    }
  };
  visit(root, false);
  return opening !== "" && closing !== "";
}
