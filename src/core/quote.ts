/** Makes untrusted text printable: on one line, bounded, without characters that are not seen. */

/** Characters that end a line or control a terminal. */
const BREAKS = "\\p{Cc}\\p{Zl}\\p{Zp}";
/**
 * Characters that are not seen, but may change how others are: bidirectional controls and other
 * format characters, soft hyphens, joiners, tags, variation selectors, fillers, the blank Braille
 * pattern, lone surrogates, private and unassigned characters.
 */
const UNSEEN = "\\p{Cf}\\p{Cs}\\p{Co}\\p{Cn}\\p{Default_Ignorable_Code_Point}\\u2800";

/** The one table of what reaches neither a terminal nor a log, in any output. */
const EACH_BREAK = new RegExp(`[${BREAKS}]+`, "gu");
const EACH_UNSEEN = new RegExp(`[${UNSEEN}]`, "gu");
const EACH = new RegExp(`[${BREAKS}${UNSEEN}]`, "gu");

/** `text` on one line: with a blank for line breaks and controls, without what is not seen. */
export function oneLine(text: string): string {
  return withoutUnseen(text.replace(EACH_BREAK, " ")).trim();
}

/** `text` without what is not seen. Line breaks and controls are left. */
export function withoutUnseen(text: string): string {
  return text.replace(EACH_UNSEEN, "");
}

/** `text` with all of these characters escaped as in JSON, except those in `keep`. */
export function escaped(text: string, keep = ""): string {
  return text.replace(EACH, (each) => keep.includes(each) ? each : codesOf(each));
}

/**
 * `text` as a JSON string with these characters escaped. It is cut off after `max` UTF-16 units,
 * with "..." before the closing quote.
 */
export function quoted(text: string, max = 80): string {
  const cut = text.length > max ? `${text.slice(0, max)}...` : text;
  return escaped(JSON.stringify(cut));
}

/** A URL in quotes: without what may be a password, which is whatever is before the last "@", and without its query. */
export function quotedUrl(text: string): string {
  return quoted(text.replace(/^.*@/s, "...@").replace(/[?#].*$/s, "?..."), 120);
}

function codesOf(character: string): string {
  return character.split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}
