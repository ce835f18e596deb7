/** Untrusted text, made printable: without secrets, control characters and escape sequences. */

import { oneLine, withoutUnseen } from "../../core/quote.ts";

export { oneLine } from "../../core/quote.ts";

const URL_PARTS =
  /\b([a-z][a-z0-9+.-]*:\/\/)(?:[^\s/?#@"'<>]*@)?([^\s?#"'<>()]*)(?:[?#][^\s"'<>()]*)?/gi;
const CREDENTIALS = /\b(bearer|basic)\s+[\w.~+/=:-]{8,}/gi;

/**
 * `text` without user, query and fragment of the URLs in it, without credentials of an
 * Authorization header, and without characters that are not seen, which may hide either.
 */
export function redact(text: string): string {
  return withoutUnseen(text).replace(URL_PARTS, "$1$2").replace(CREDENTIALS, "$1 [hidden]");
}

const SKIN_TONES = /[\u{1f3fb}-\u{1f3ff}]/gu;
const FLAG_LETTERS = /[\u{1f1e6}-\u{1f1ff}]/gu;
const FIRST_FLAG_LETTER = 0x1f1e6;

/**
 * Untrusted text for a terminal: safe, on one line, and of a known width. Terminals disagree about
 * the width of joined emoji, so these are split into their parts.
 */
export function showable(text: string): string {
  return oneLine(redact(text)).replace(SKIN_TONES, "").replace(
    FLAG_LETTERS,
    (letter) => String.fromCharCode(letter.codePointAt(0)! - FIRST_FLAG_LETTER + 65),
  );
}
