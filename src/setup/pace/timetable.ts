/** Rates and windows by the time of day, in local time: a day with a change to or from summer time is as it is. */

import { PullamaError } from "../../core/errors.ts";
import { quoted } from "../../core/quote.ts";
import { parseSize } from "../../core/units.ts";

/** From a minute of the day up to another one, over midnight if that is not later. */
export interface Hours {
  readonly from: number;
  readonly to: number;
}

/** A rate in bytes per second, undefined for none, and other rates at some hours. */
export interface Timetable {
  readonly usual: number | undefined;
  readonly at: readonly (Hours & { readonly rate: number | undefined })[];
}

const DAY = 24 * 60;
const MINUTE_MS = 60_000;

/** Parses `01:00-07:00`. Throws `usage`. */
export function parseHours(text: string): Hours {
  const [, ...numbers] = /^(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})$/.exec(text.trim()) ?? [];
  const [h1 = 99, m1 = 0, h2 = 99, m2 = 0] = numbers.map(Number);
  const [from, to] = [h1 * 60 + m1, h2 * 60 + m2];
  const valid = h1 < 24 && m1 < 60 && m2 < 60 && to <= DAY && from !== to;
  if (valid) return { from, to: to % DAY };
  throw new PullamaError("usage", `invalid hours ${quoted(text)}: expected a begin and an end`, {
    hint: "write them like 01:00-07:00, or 22:00-06:00 over midnight",
  });
}

/** As `parseHours` reads it. */
export function hoursText({ from, to }: Hours): string {
  const time = (minute: number) =>
    [Math.floor(minute / 60), minute % 60].map((n) => String(n).padStart(2, "0")).join(":");
  return `${time(from)}-${time(to === 0 ? DAY : to)}`;
}

/** Parses `5M`, or `1M,01:00-07:00=off`: a rate, and others at some hours. Throws `usage`. */
export function parseTimetable(text: string): Timetable {
  const [usual = "", ...parts] = text.split(",");
  return {
    usual: parseRate(usual),
    at: parts.map((part) => {
      const [hours = "", rate = ""] = part.split("=", 2);
      return { ...parseHours(hours), rate: parseRate(rate) };
    }),
  };
}

/** Parses a rate of at least 1 byte per second, or `off`. Throws `usage`. */
export function parseRate(text: string): number | undefined {
  if (text.trim() === "off") return undefined;
  try {
    return parseSize(text);
  } catch (cause) {
    const message = `invalid rate ${quoted(text)}: expected bytes per second, such as 5M, or "off"`;
    throw new PullamaError("usage", message, { cause });
  }
}

/** The rate at `date`; of several hours that it is in, the last ones count. */
export function rateAt({ usual, at }: Timetable, date: Date): number | undefined {
  const now = minuteOf(date);
  const found = at.findLast((hours) => isIn(hours, now));
  return found ? found.rate : usual;
}

/** Whether `date` is in one of `windows`, or there are none. */
export function isOpenAt(windows: readonly Hours[], date: Date): boolean {
  return windows.length === 0 || windows.some((hours) => isIn(hours, minuteOf(date)));
}

/** The first minute after `date` for which `test` holds; undefined if there is none within two days. */
export function nextMinute(date: Date, test: (date: Date) => boolean): Date | undefined {
  const first = Math.floor(date.getTime() / MINUTE_MS) + 1;
  for (let minute = first; minute < first + 2 * DAY; minute++) {
    const then = new Date(minute * MINUTE_MS);
    if (test(then)) return then;
  }
  return undefined;
}

function isIn({ from, to }: Hours, minute: number): boolean {
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

function minuteOf(date: Date): number {
  return date.getHours() * 60 + date.getMinutes();
}
