/** Ages and times as text. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** `3 hours ago`, in the format of `ollama list`; `from now` for the future. Milliseconds. */
export function agoText(ms: number): string {
  if (Math.trunc(Math.trunc(ms / HOUR) / 24 / 365) < -20) return "Forever";
  return ms < 0 ? `${spanText(-ms)} from now` : `${spanText(ms)} ago`;
}

/** A time in milliseconds since 1970 as RFC 3339, in UTC, with a precision of seconds. */
export function momentText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}

/** Seconds and minutes are truncated, hours rounded; longer units are truncated from hours. */
function spanText(ms: number): string {
  const seconds = Math.trunc(ms / SECOND);
  const minutes = Math.trunc(ms / MINUTE);
  const hours = Math.round(ms / HOUR);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < 60) return `${seconds} seconds`;
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(Math.trunc(ms / HOUR) / 24 / 365)} years`;
}
