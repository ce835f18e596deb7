/** HTTP statuses that mean "try again later", and Retry-After. */

const BUSY: ReadonlySet<number> = new Set([408, 425, 429]);
/** Server errors that are permanent: the request is not supported. */
const PERMANENT: ReadonlySet<number> = new Set([501, 505]);

/** Whether the same request may succeed later. */
export function isBusy(status: number): boolean {
  return BUSY.has(status) || (status >= 500 && !PERMANENT.has(status));
}

/**
 * How long to wait before a retry, in milliseconds: the Retry-After of a 429 or 503, in seconds or as an HTTP date. That
 * counts from the Date of the same clock; without one from `now` (since 1970), as the clock of this machine may be wrong.
 * Undefined if it is missing or invalid.
 */
export function retryAfter(status: number, headers: Headers, now: number): number | undefined {
  if (status !== 429 && status !== 503) return undefined;
  const value = headers.get("retry-after")?.trim() ?? "";
  if (/^\d{1,10}$/.test(value)) return Number(value) * 1000;
  const date = value.endsWith(" GMT") ? Date.parse(value) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - (serverTime(headers) ?? now));
}

/** The Date header in milliseconds since 1970, precise to the second. */
export function serverTime(headers: Headers): number | undefined {
  const time = Date.parse(headers.get("date") ?? "");
  return Number.isNaN(time) ? undefined : time;
}
