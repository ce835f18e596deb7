/** Checks the head of a response to a request for a blob. */

import { shortId } from "../../core/digest.ts";
import type { Kind } from "../../core/errors.ts";
import type { Descriptor } from "../../core/manifest.ts";
import type { Range } from "../../core/ranges.ts";
import { COMPRESSED_HINT, isCompressed } from "../http/encoding.ts";
import { isBusy, retryAfter } from "../http/retry_after.ts";

/** A request for a blob. */
export interface BlobRequest {
  readonly blob: Descriptor;
  /** All of the blob if the request had no Range header. */
  readonly range: Range;
  readonly withRange: boolean;
  /** The response is from the registry's own URL of the blob, not from a redirect target. */
  readonly atHome: boolean;
}

export interface Accepted {
  readonly ok: true;
  /** The bytes that follow: from the requested offset, or all if the range was ignored. */
  readonly range: Range;
  readonly ranged: boolean;
}

export interface Rejected {
  readonly ok: false;
  readonly kind: Kind;
  /** What the host did, as the end of a sentence that begins with its name. */
  readonly does: string;
  /** The body is a web page, which `does` calls "an HTML page". */
  readonly isPage?: true;
  readonly hint?: string;
  readonly retryAfterMs?: number;
  /** The host may send the blob where no part of it is requested. */
  readonly refusesRange?: true;
}

/** Checks status and headers of a response; `now` in milliseconds since 1970. */
export function checkResponse(
  status: number,
  headers: Headers,
  request: BlobRequest,
  now: number,
): Accepted | Rejected {
  if (status === 200 || status === 206) {
    if (isCompressed(headers)) {
      return { ...protocolError(`sent ${nameOf(request)} compressed`), hint: COMPRESSED_HINT };
    }
    return status === 206 ? checkPart(headers, request) : checkWhole(headers, request);
  }
  if (status === 416) return checkUnsatisfiable(headers, request);
  if (request.withRange && (status === 400 || status === 501)) {
    return { ...refusal(status, request), refusesRange: true };
  }
  if (status < 400 || status === 412) {
    return protocolError(`returned an unexpected status for ${nameOf(request)} (${status})`);
  }
  if (isBusy(status)) {
    const retryAfterMs = retryAfter(status, headers, now);
    const does = `is temporarily unavailable for ${nameOf(request)} (${status})`;
    return {
      ok: false,
      kind: "unavailable",
      does,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    };
  }
  return refusal(status, request);
}

function refusal(status: number, request: BlobRequest): Rejected {
  return request.atHome ? refusalError(status, request) : staleError(status, request);
}

/** Every byte that follows must be one that was requested, at the requested offset. */
function checkPart(headers: Headers, request: BlobRequest): Accepted | Rejected {
  if (/^multipart\//i.test(headers.get("content-type") ?? "")) {
    return protocolError(`sent a multipart response for ${nameOf(request)}`);
  }
  const given = headers.get("content-range");
  const [, first, last, total] =
    /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16}|\*)$/i.exec(given ?? "") ?? [];
  if (total === undefined) {
    return {
      ...protocolError(`sent a part of ${nameOf(request)} without a valid Content-Range header`),
      ...(given === null && { refusesRange: true }),
    };
  }
  if (total !== "*" && Number(total) !== request.blob.size) {
    return sizeMismatch(Number(total), request);
  }
  const range = { start: Number(first), end: Number(last) + 1 };
  const fits = range.start === request.range.start && range.start < range.end &&
    range.end <= request.range.end;
  const length = lengthIn(headers);
  if (!fits || (length !== undefined && length !== range.end - range.start)) {
    return protocolError(`sent a different range of ${nameOf(request)} than requested`);
  }
  return { ok: true, range, ranged: true };
}

function checkWhole(headers: Headers, request: BlobRequest): Accepted | Rejected {
  const length = lengthIn(headers);
  if (length !== request.blob.size && /^text\/html\b/i.test(headers.get("content-type") ?? "")) {
    return {
      ...protocolError(`sent an HTML page instead of ${nameOf(request)}`),
      isPage: true,
      hint:
        "a captive portal or a proxy may have responded: log in to the network, or check the proxy",
    };
  }
  if (length !== undefined && length !== request.blob.size) return sizeMismatch(length, request);
  return { ok: true, range: { start: 0, end: request.blob.size }, ranged: !request.withRange };
}

function checkUnsatisfiable(headers: Headers, request: BlobRequest): Rejected {
  const [, total] = /^bytes \*\/(\d{1,16})$/i.exec(headers.get("content-range") ?? "") ?? [];
  if (total !== undefined && Number(total) !== request.blob.size) {
    return sizeMismatch(Number(total), request);
  }
  return {
    ok: false,
    kind: "stale",
    does: `does not have the requested range of ${nameOf(request)} (416)`,
    refusesRange: true,
  };
}

/** The target of a redirect is valid for a limited time: the URL has failed, not the blob. */
function staleError(status: number, request: BlobRequest): Rejected {
  return [400, 401, 403, 404, 410].includes(status)
    ? {
      ok: false,
      kind: "stale",
      does: `no longer accepts the URL of ${nameOf(request)} (${status})`,
    }
    : { ok: false, kind: "refused", does: `refused to send ${nameOf(request)} (${status})` };
}

function refusalError(status: number, request: BlobRequest): Rejected {
  switch (status) {
    case 401:
      return {
        ok: false,
        kind: "auth",
        does: `requires authentication for ${nameOf(request)} (401)`,
      };
    case 403:
      return { ok: false, kind: "auth", does: `denied access to ${nameOf(request)} (403)` };
    case 404:
    case 410:
      return { ok: false, kind: "not_found", does: `does not have ${nameOf(request)} (${status})` };
    default:
      return { ok: false, kind: "refused", does: `refused to send ${nameOf(request)} (${status})` };
  }
}

function nameOf({ blob }: BlobRequest): string {
  return `blob ${shortId(blob.digest)}`;
}

function protocolError(does: string): Rejected {
  return { ok: false, kind: "protocol", does };
}

function sizeMismatch(size: number, request: BlobRequest): Rejected {
  const sizes = `${size} bytes for ${nameOf(request)}, but the manifest says ${request.blob.size}`;
  return {
    ok: false,
    kind: "size",
    does: `reports ${sizes}`,
    hint: "try again later, or contact the registry's operator",
  };
}

function lengthIn(headers: Headers): number | undefined {
  const text = headers.get("content-length");
  return text === null ? undefined : Number(text);
}
