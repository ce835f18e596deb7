/** Text that must not reach a terminal as it is. */

import assert from "node:assert/strict";

/** By what they do. The first ones are sequences of a terminal. */
export const HOSTILE = {
  "clears the screen": "\x1b[2J",
  "sets a color": "\x1b[31337m",
  "sets the title": "\x1b]0;title\x07",
  "asks for an answer": "\x1bP$q q\x1b\\",
  "is a control sequence in one character": "\x9b31m",
  "overwrites the line": "\r\b\x7f",
  "ends the line": "\u2028\u2029\x85",
  "turns the direction": "\u202e\u202d\u202a\u2066\u2069\u200f\u061c",
  "is a soft hyphen": "\u00ad",
  "has no width": "\u200b\u200d\u2060\ufeff\u180e\u034f",
  "is a tag": "\u{e0001}\u{e0041}\u{e007f}",
  "is a variation selector": "\ufe0f\u{e0101}",
  "is a filler": "\u115f\u3164\uffa0\u2800",
  "is an annotation": "\ufff9\ufffb",
  "is half a character": "\ud800",
  "is private": "\ue000\u{10fffd}",
} as const;

/** What renderers write themselves, and nothing that `HOSTILE` has. */
const OWN = new RegExp("\\n|\\r|\x1b(?:\\[\\??(?!31337)(?!2J)\\d*(?:;\\d+)*[A-Za-z]|[78])", "g");
const TABLE = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u;

/** Fails if `text`, without what renderers write themselves, has a character that is not shown as it is. */
export function assertPrintable(text: string, what: string): void {
  const left = TABLE.exec(text.replaceAll(OWN, ""));
  if (!left) return;
  const code = left[0].codePointAt(0)!.toString(16);
  assert.fail(`${what} prints U+${code}: ${JSON.stringify(text.slice(0, 300))}`);
}
