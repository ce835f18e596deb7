/** Parses and formats sizes, rates and durations. */

import { PullamaError } from "./errors.ts";
import { quoted } from "./quote.ts";

const POWERS = ["", "k", "m", "g", "t"];

/**
 * Parses a size in bytes with an optional unit. K, M, G and T are powers of 1000, Ki, Mi, Gi and
 * Ti powers of 1024; a trailing B and the case of letters make no difference. Fractions are rounded
 * to whole bytes. Throws `usage` unless the result is from 1 to 2^53-1.
 */
export function parseSize(text: string): number {
  const match = /^([\d.]+) ?(?:([kmgt])(i?))?b?$/i.exec(text.trim());
  const [, number = "", letter = "", binary = ""] = match ?? [];
  const unit = (binary === "" ? 1000 : 1024) ** POWERS.indexOf(letter.toLowerCase());
  const size = Math.round(Number(number) * unit);
  const fraction = letter === "" && number.includes(".");
  if (match && !fraction && size > 0 && Number.isSafeInteger(size)) return size;
  throw new PullamaError(
    "usage",
    `invalid size ${quoted(text)}: expected whole bytes above 0, or a number with K, M, G, T ` +
      "(powers of 1000) or KiB, MiB, GiB, TiB (powers of 1024)",
    { hint: "use a size like 1048576, 64M, 8MiB or 1.5GB" },
  );
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const DURATION = /^(?:([\d.]+)d)?(?:([\d.]+)h)?(?:([\d.]+)m)?(?:([\d.]+)s)?(?:([\d.]+)ms)?$/;

/**
 * Parses a duration to milliseconds: one or more numbers with d, h, m, s or ms, the largest unit
 * first and none twice (`90s`, `1h30m`). The result is an integer and may exceed the limit of
 * timers (2^31-1). Throws `usage` for anything else, including numbers without a unit and durations
 * of zero.
 */
export function parseDuration(text: string): number {
  const match = DURATION.exec(text.trim());
  const [, ...numbers] = match ?? [];
  const units = [DAY, HOUR, MINUTE, SECOND, 1];
  const ms = Math.round(units.reduce((sum, unit, i) => sum + Number(numbers[i] ?? 0) * unit, 0));
  if (match && ms > 0 && Number.isSafeInteger(ms)) return ms;
  const bare = /^[\d.]+$/.test(text.trim()) && Number(text) > 0;
  throw new PullamaError(
    "usage",
    `invalid duration ${quoted(text)}: expected a duration above 0 with units d, h, m, s or ms`,
    { hint: bare ? "add a unit: s, m or h" : "use a duration like 90s, 30m or 1h30m" },
  );
}

const SIZES = [[1e12, "TB"], [1e9, "GB"], [1e6, "MB"], [1e3, "kB"]] as const;

/**
 * Formats bytes like `ollama list`, but with a lower-case k: decimal units, below 10 one decimal
 * place (none if the value is an integer), otherwise truncated. `bytes` is finite and not negative.
 */
export function formatSize(bytes: number): string {
  const [unit, name] = SIZES.find(([size]) => bytes >= size) ?? [1, "B"];
  const value = bytes / unit;
  if (unit === 1 || value >= 10 || Number.isInteger(value)) return `${Math.trunc(value)} ${name}`;
  // Go rounds ties to even, which matters only for x.25; all other values round alike.
  const tenths = value % 1 === 0.25 ? `${Math.trunc(value)}.2` : value.toFixed(1);
  return `${tenths} ${name}`;
}

/** Formats a rate as `8.2 MB/s`. `bytesPerSecond` is finite and not negative. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatSize(bytesPerSecond)}/s`;
}

/** What is said about less than so many bytes per second: `under 1 kB/s for a minute`. */
export function tooSlowText(bytesPerSecond: number, ms: number): string {
  const time = ms === MINUTE ? "for a minute" : `for ${formatDuration(ms)}`;
  return `under ${formatRate(bytesPerSecond)} ${time}`;
}

/**
 * Formats a duration in its two largest units: `850ms`, `42s`, `4m02s`, `1h02m`, `3d04h`. Smaller
 * units are truncated. `ms` is finite and not negative.
 */
export function formatDuration(ms: number): string {
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  if (ms < SECOND) return `${Math.floor(ms)}ms`;
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)}s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)}m${two(ms % MINUTE / SECOND)}s`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)}h${two(ms % HOUR / MINUTE)}m`;
  return `${Math.floor(ms / DAY)}d${two(ms % DAY / HOUR)}h`;
}
