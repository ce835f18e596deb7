/** What the head of an answer to a request for a blob says about the bytes that follow. */

import { shortId } from "../../core/digest.ts";
import type { Kind } from "../../core/errors.ts";
import type { Descriptor } from "../../core/manifest.ts";
import type { Range } from "../../core/ranges.ts";
import { isBusy, retryAfter } from "../http/retry_after.ts";

/** What was asked for. */
export interface Asked {
  readonly blob: Descriptor;
  /** All of the blob, if the request went without a Range header. */
  readonly range: Range;
  readonly withRange: boolean;
  /** The registry's own address of the blob answered, not one that it redirects to. */
  readonly atHome: boolean;
}

export interface Accepted {
  readonly ok: true;
  /** The bytes that follow, from where they were asked for; all of the blob if the range was ignored. */
  readonly range: Range;
  readonly ranged: boolean;
}

export interface Rejected {
  readonly ok: false;
  readonly kind: Kind;
  /** What the host does, as the rest of a sentence that begins with its name. */
  readonly does: string;
  readonly hint?: string;
  readonly retryAfterMs?: number;
}

/** Judges the head of an answer; `now` in milliseconds since 1970. */
export function judge(
  status: number,
  headers: Headers,
  asked: Asked,
  now: number,
): Accepted | Rejected {
  if (status === 200 || status === 206) {
    const encoding = headers.get("content-encoding") ?? "identity";
    if (encoding !== "identity") return broken(`sent ${called(asked)} compressed`);
    return status === 206 ? judgePart(headers, asked) : judgeWhole(headers, asked);
  }
  if (status === 416) return judgeUnsatisfiable(headers, asked);
  if (status < 400 || status === 412) {
    return broken(`answered with status ${status} when asked for ${called(asked)}`);
  }
  if (isBusy(status)) {
    const retryAfterMs = retryAfter(status, headers, now);
    const does = `cannot send ${called(asked)} now (${status})`;
    return {
      ok: false,
      kind: "unavailable",
      does,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    };
  }
  return asked.atHome ? judgeRefusal(status, asked) : judgeStale(status, asked);
}

/** Every byte that follows must be one that was asked for, at the offset it was asked for. */
function judgePart(headers: Headers, asked: Asked): Accepted | Rejected {
  if (/^multipart\//i.test(headers.get("content-type") ?? "")) {
    return broken(`sent several parts of ${called(asked)} instead of one`);
  }
  const [, first, last, total] =
    /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16}|\*)$/i.exec(headers.get("content-range") ?? "") ?? [];
  if (total === undefined) return broken(`sent a part of ${called(asked)} without saying which`);
  if (total !== "*" && Number(total) !== asked.blob.size) return disagrees(Number(total), asked);
  const range = { start: Number(first), end: Number(last) + 1 };
  const fits = range.start === asked.range.start && range.start < range.end &&
    range.end <= asked.range.end;
  const length = lengthIn(headers);
  if (!fits || (length !== undefined && length !== range.end - range.start)) {
    return broken(`sent another part of ${called(asked)} than was asked for`);
  }
  return { ok: true, range, ranged: true };
}

function judgeWhole(headers: Headers, asked: Asked): Accepted | Rejected {
  const length = lengthIn(headers);
  if (length !== asked.blob.size && /^text\/html\b/i.test(headers.get("content-type") ?? "")) {
    return {
      ...broken(`sent a web page in place of ${called(asked)}`),
      hint: "something on the way answers for it: log in to the network, or look at the proxy",
    };
  }
  if (length !== undefined && length !== asked.blob.size) return disagrees(length, asked);
  return { ok: true, range: { start: 0, end: asked.blob.size }, ranged: !asked.withRange };
}

function judgeUnsatisfiable(headers: Headers, asked: Asked): Rejected {
  const [, total] = /^bytes \*\/(\d{1,16})$/i.exec(headers.get("content-range") ?? "") ?? [];
  if (total !== undefined && Number(total) !== asked.blob.size) {
    return disagrees(Number(total), asked);
  }
  return {
    ok: false,
    kind: "stale",
    does: `does not have the part of ${called(asked)} that was asked for (416)`,
  };
}

/** An address that the registry has redirected to is good for a while: it is to blame, not the blob. */
function judgeStale(status: number, asked: Asked): Rejected {
  return [400, 401, 403, 404, 410].includes(status)
    ? {
      ok: false,
      kind: "stale",
      does: `does not accept the address of ${called(asked)} any more (${status})`,
    }
    : { ok: false, kind: "refused", does: `refuses to send ${called(asked)} (${status})` };
}

function judgeRefusal(status: number, asked: Asked): Rejected {
  switch (status) {
    case 401:
      return { ok: false, kind: "auth", does: `wants to know who asks for ${called(asked)} (401)` };
    case 403:
      return { ok: false, kind: "auth", does: `denies access to ${called(asked)} (403)` };
    case 404:
    case 410:
      return { ok: false, kind: "not_found", does: `does not have ${called(asked)} (${status})` };
    default:
      return { ok: false, kind: "refused", does: `refuses to send ${called(asked)} (${status})` };
  }
}

function called({ blob }: Asked): string {
  return `blob ${shortId(blob.digest)}`;
}

function broken(does: string): Rejected {
  return { ok: false, kind: "protocol", does };
}

function disagrees(size: number, asked: Asked): Rejected {
  const does = `has ${size} bytes for ${called(asked)}, the manifest says ${asked.blob.size}`;
  return {
    ok: false,
    kind: "size",
    does,
    hint: "pull again later, or tell those who run the registry",
  };
}

function lengthIn(headers: Headers): number | undefined {
  const text = headers.get("content-length");
  return text === null ? undefined : Number(text);
}
