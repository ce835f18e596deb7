/**
 * Parsers for the values of flags. They throw InvalidArgumentError with the values that are
 * allowed.
 */

import { InvalidArgumentError } from "@commander-js/extra-typings";
import { PullamaError } from "../../core/errors.ts";
import { parseDuration, parseSize } from "../../core/units.ts";
import {
  type Hours,
  parseHours,
  parseRate,
  parseTimetable,
  type Timetable,
} from "../../setup/pace/timetable.ts";
import { isHost } from "../../setup/trust.ts";

/** A parser for whole numbers from `least` to `most`. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (number >= least && number <= most) return number;
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
  };
}

/** A parser for whole numbers from `least` to `most`, and for `auto`. */
export function numberOrAuto(least: number, most: number): (text: string) => number | "auto" {
  return (text) => {
    if (text === "auto") return text;
    try {
      return wholeNumber(least, most)(text);
    } catch {
      throw new InvalidArgumentError(
        `Expected a whole number from ${least} to ${most}, or "auto".`,
      );
    }
  };
}

/** A parser for sizes in bytes of at least `least`, which messages show as `written`. */
export function sizeFrom(least: number, written: string): (text: string) => number {
  return (text) => {
    const size = parsed(parseSize, text);
    if (size !== undefined && size >= least) return size;
    throw new InvalidArgumentError(
      `Expected a size of ${written} or more, such as 1048576, 64M or 8MiB.`,
    );
  };
}

/** Milliseconds. */
export function duration(text: string): number {
  const ms = parsed(parseDuration, text);
  if (ms !== undefined) return ms;
  throw new InvalidArgumentError("Expected a duration above 0, such as 90s, 30m or 1h30m.");
}

/** Milliseconds, or Infinity for `forever`. */
export function durationOrForever(text: string): number {
  const ms = text === "forever" ? Infinity : parsed(parseDuration, text);
  if (ms !== undefined) return ms;
  throw new InvalidArgumentError(
    'Expected a duration above 0, such as 30m or 24h, or "forever".',
  );
}

/** A rate, and others at some hours. */
export function timetable(text: string): Timetable {
  return understood(parseTimetable, text);
}

/** Adds hours to those before. */
export function hours(text: string, before: readonly Hours[] = []): readonly Hours[] {
  return [...before, understood(parseHours, text)];
}

/** A rate; undefined for `off`. */
export function rate(text: string): number | undefined {
  return understood(parseRate, text);
}

/** What `parse` makes of `text`, or its own words as those of the command line. */
export function understood<T>(parse: (text: string) => T, text: string): T {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof PullamaError)) throw error;
    const { message, hint } = error;
    throw new InvalidArgumentError(`${message}${hint === undefined ? "" : `; ${hint}`}.`);
  }
}

/** Adds a host, with an optional port, to those before. */
export function hosts(text: string, before: readonly string[] = []): readonly string[] {
  if (isHost(text)) return [...before, text];
  throw new InvalidArgumentError(
    "Expected a host such as gitlab.example.com or gitlab.example.com:8443.",
  );
}

/** Adds a text to those before. */
export function each(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** A path. If the value is missing, the next flag must not be taken for it. */
export function path(text: string): string {
  if (text === "") throw new InvalidArgumentError("Expected a path that is not empty.");
  if (text.startsWith("-")) {
    throw new InvalidArgumentError(
      `Expected a path that does not begin with "-"; write ./${text} instead.`,
    );
  }
  return text;
}

/** A path, or "-". */
export function pathOrStdin(text: string): string {
  return text === "-" ? text : path(text);
}

function parsed(parse: (text: string) => number, text: string): number | undefined {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof PullamaError) return undefined;
    throw error;
  }
}
