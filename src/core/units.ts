/** Sizes, rates and durations as people write and read them. */

import { PullamaError } from "./errors.ts";
import { quoted } from "./quote.ts";

const POWERS = ["", "k", "m", "g", "t"];

/**
 * Bytes in `text`: a number, or one with a unit. K, M, G and T are powers of 1000, with an i after them
 * (`8MiB`) powers of 1024; a last B and upper or lower case make no difference. Fractions are rounded to
 * whole bytes. Throws `usage` unless that is from 1 to 2^53-1.
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
    `${quoted(text)} is not a size: allowed are whole bytes above 0, or a number with K, M, G, T ` +
      "(powers of 1000) or KiB, MiB, GiB, TiB (powers of 1024)",
    { hint: "write it like 1048576, 64M, 8MiB or 1.5GB" },
  );
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const DURATION = /^(?:([\d.]+)d)?(?:([\d.]+)h)?(?:([\d.]+)m)?(?:([\d.]+)s)?(?:([\d.]+)ms)?$/;

/**
 * Milliseconds in `text`: one or more numbers with d, h, m, s or ms, the largest unit first and none
 * twice (`90s`, `1h30m`). The result is whole and may be more than a timer takes (2^31-1). Throws `usage`
 * for anything else, numbers without a unit, and nothing at all such as `0s`.
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
    `${quoted(text)} is not a duration: allowed are numbers above 0 with d, h, m, s or ms`,
    { hint: bare ? "add the unit: s, m or h" : "write it like 90s, 30m or 1h30m" },
  );
}

const SIZES = [[1e12, "TB"], [1e9, "GB"], [1e6, "MB"], [1e3, "kB"]] as const;

/**
 * A number of bytes as `ollama list` prints it, but with the k of kilo: decimal units, one digit after the
 * point below 10 (none if it is whole), cut off above. `bytes` is finite and not negative.
 */
export function formatSize(bytes: number): string {
  const [unit, name] = SIZES.find(([size]) => bytes >= size) ?? [1, "B"];
  const value = bytes / unit;
  if (unit === 1 || value >= 10 || Number.isInteger(value)) return `${Math.trunc(value)} ${name}`;
  // Go rounds halves to even, which one digit of a quarter is; all others round alike.
  const tenths = value % 1 === 0.25 ? `${Math.trunc(value)}.2` : value.toFixed(1);
  return `${tenths} ${name}`;
}

/** `8.2 MB/s`. Finite and not negative. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatSize(bytesPerSecond)}/s`;
}

/**
 * A time in its two largest units: `850ms`, `42s`, `4m02s`, `1h02m`, `3d04h`. What is smaller is cut off.
 * `ms` is finite and not negative.
 */
export function formatDuration(ms: number): string {
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  if (ms < SECOND) return `${Math.floor(ms)}ms`;
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)}s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)}m${two(ms % MINUTE / SECOND)}s`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)}h${two(ms % HOUR / MINUTE)}m`;
  return `${Math.floor(ms / DAY)}d${two(ms % DAY / HOUR)}h`;
}
