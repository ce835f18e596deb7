/** Text that came from elsewhere, made fit to be shown: no secrets, nothing that steers a terminal. */

const URL_PARTS =
  /\b([a-z][a-z0-9+.-]*:\/\/)(?:[^\s/?#@"'<>]*@)?([^\s?#"'<>()]*)(?:[?#][^\s"'<>()]*)?/gi;
const CREDENTIALS = /\b(bearer|basic)\s+[\w.~+/=:-]{8,}/gi;
const UNPRINTABLE = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]+/gu;

/** `text` without the user, query and fragment of any URL in it, and without tokens of an Authorization header. */
export function redact(text: string): string {
  return text.replace(URL_PARTS, "$1$2").replace(CREDENTIALS, "$1 [hidden]");
}

/** `text` on one line, without control characters and marks that turn the direction of writing. */
export function oneLine(text: string): string {
  return text.replace(UNPRINTABLE, " ").trim();
}

const JOINERS =
  /[\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff\u{1f3fb}-\u{1f3ff}\u{e0000}-\u{e007f}]/gu;
const FLAG_LETTERS = /[\u{1f1e6}-\u{1f1ff}]/gu;
const FIRST_FLAG_LETTER = 0x1f1e6;

/**
 * `text` from elsewhere for a terminal: safe, on one line, and as wide as it is counted. Pictures that are
 * joined out of several are wide or narrow as each terminal likes: here they stand side by side.
 */
export function showable(text: string): string {
  return oneLine(redact(text)).replace(JOINERS, "").replace(
    FLAG_LETTERS,
    (letter) => String.fromCharCode(letter.codePointAt(0)! - FIRST_FLAG_LETTER + 65),
  );
}
