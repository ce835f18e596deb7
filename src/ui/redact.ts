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
