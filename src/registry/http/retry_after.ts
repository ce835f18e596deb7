/** HTTP statuses that mean "try again later", and Retry-After. */

const BUSY: ReadonlySet<number> = new Set([408, 425, 429]);
/** Server errors that are permanent: the request is not supported. */
const PERMANENT: ReadonlySet<number> = new Set([501, 505]);

/** Whether the same request may succeed later. */
export function isBusy(status: number): boolean {
  return BUSY.has(status) || (status >= 500 && !PERMANENT.has(status));
}

/**
 * How long to wait before a retry, in milliseconds from `now` (since 1970): the Retry-After of a
 * 429 or 503, in seconds or as an HTTP date. Undefined if it is missing or invalid.
 */
export function retryAfter(status: number, headers: Headers, now: number): number | undefined {
  if (status !== 429 && status !== 503) return undefined;
  const value = headers.get("retry-after")?.trim() ?? "";
  if (/^\d{1,10}$/.test(value)) return Number(value) * 1000;
  const date = value.endsWith(" GMT") ? Date.parse(value) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
