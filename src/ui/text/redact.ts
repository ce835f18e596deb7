/** Untrusted text, made printable: without secrets, control characters and escape sequences. */

const URL_PARTS =
  /\b([a-z][a-z0-9+.-]*:\/\/)(?:[^\s/?#@"'<>]*@)?([^\s?#"'<>()]*)(?:[?#][^\s"'<>()]*)?/gi;
const CREDENTIALS = /\b(bearer|basic)\s+[\w.~+/=:-]{8,}/gi;
const UNPRINTABLE = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]+/gu;

/**
 * `text` without user, query and fragment of the URLs in it, and without credentials of an
 * Authorization header.
 */
export function redact(text: string): string {
  return text.replace(URL_PARTS, "$1$2").replace(CREDENTIALS, "$1 [hidden]");
}

/** `text` on one line, without control characters and bidirectional control marks. */
export function oneLine(text: string): string {
  return text.replace(UNPRINTABLE, " ").trim();
}

const JOINERS =
  /[\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff\u{1f3fb}-\u{1f3ff}\u{e0000}-\u{e007f}]/gu;
const FLAG_LETTERS = /[\u{1f1e6}-\u{1f1ff}]/gu;
const FIRST_FLAG_LETTER = 0x1f1e6;

/**
 * Untrusted text for a terminal: safe, on one line, and of a known width. Terminals disagree about
 * the width of joined emoji, so these are split into their parts.
 */
export function showable(text: string): string {
  return oneLine(redact(text)).replace(JOINERS, "").replace(
    FLAG_LETTERS,
    (letter) => String.fromCharCode(letter.codePointAt(0)! - FIRST_FLAG_LETTER + 65),
  );
}
