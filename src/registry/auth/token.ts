/** Requests a token from a token server. */

import { PullamaError } from "../../core/errors.ts";
import { formatDuration } from "../../core/units.ts";
import { Deadline } from "../../io/abort.ts";
import { errorText } from "../http/error_body.ts";
import { discard, type Http } from "../http/http.ts";
import { readWhole } from "../http/body.ts";
import { responderOf } from "../diagnose/proxy.ts";
import { isRedirect } from "../http/redirects.ts";
import type { Secrets } from "./redact.ts";
import { isBusy, retryAfter, serverTime } from "../http/retry_after.ts";

/** Milliseconds without data; the whole request may take ten times as long. */
const SILENCE_MS = 30_000;
/** Bytes of a response. */
const MAX_BODY = 256 << 10;
/** Seconds that a token is valid by default, as with Docker registries. */
const DEFAULT_LIFE = 60;
const MAX_HOPS = 3;
/** Milliseconds of tolerated clock skew; signatures contain the time. */
const CLOCK_TOLERANCE = 60_000;

export interface Token {
  readonly token: string;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

/** The token server refused the request. */
export interface TokenRefused {
  readonly status: number;
  /** The status and the reason that the server gave. */
  readonly reason: string;
  /** What is wrong with this machine's clock, as a clause, if anything is. */
  readonly clock: string | undefined;
}

export interface TokenOptions {
  readonly http: Http;
  readonly secrets: Secrets;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly silenceMs?: number;
}

/**
 * GETs `address` with `authorization`. Throws what `Http.get` throws, `unavailable` if the server
 * is busy, `auth` if its response has no token, `redirect` for a redirect that is not allowed.
 */
export async function requestToken(
  address: string,
  authorization: string | undefined,
  signal: AbortSignal,
  options: TokenOptions,
): Promise<Token | TokenRefused> {
  const { http, secrets, now, silenceMs = SILENCE_MS } = options;
  const { host } = new URL(address);
  const proxy = http.forwarderOf(new URL(address));
  using attempt = new Deadline(signal, 10 * silenceMs, `no token from ${host}`);
  const headers = authorization === undefined ? {} : { authorization };
  const response = await final(http, new URL(address), headers, attempt.signal);
  const { status, headers: fields } = response;
  if (status !== 200) {
    const text = status >= 400 ? await errorText(response, (text) => secrets.hide(text)) : "";
    await discard(response);
    const reason = `${status}${text === "" ? "" : `: ${text}`}`;
    if (!isBusy(status)) return { status, reason, clock: clockProblem(fields, now()) };
    const retryAfterMs = retryAfter(status, fields, now());
    throw new PullamaError(
      "unavailable",
      `token server ${responderOf(host, proxy)} is temporarily unavailable (${reason})`,
      {
        ...(retryAfterMs !== undefined && { retryAfterMs }),
      },
    );
  }
  const bytes = await readWhole(response, host, MAX_BODY, silenceMs, attempt);
  const body = parse(bytes);
  // A token that is not valid in a header is rejected here: fetch would quote it in its error.
  if (!body || !/^[\x21-\x7e]+$/.test(body.token)) {
    throw new PullamaError("auth", `no valid token in the response from ${host}`);
  }
  secrets.add(body.token);
  const age = Math.max(0, (serverTime(fields) ?? NaN) - body.issued) || 0;
  return { token: body.token, expires: now() + Math.max(0, body.life * 1000 - age) };
}

/** How far this machine's clock is off from a Date header; undefined within the tolerance. */
export function clockProblem(headers: Headers, now: number): string | undefined {
  const skew = now - (serverTime(headers) ?? NaN);
  if (Number.isNaN(skew) || Math.abs(skew) <= CLOCK_TOLERANCE) return undefined;
  return `the clock of this machine is ${formatDuration(Math.abs(skew))} ${
    skew < 0 ? "behind" : "ahead"
  }`;
}

async function final(
  http: Http,
  start: URL,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Response> {
  let url = start;
  for (let hops = 0;; hops++) {
    const response = await http.get(url, { headers, signal });
    if (!isRedirect(response.status)) return response;
    await discard(response);
    const next = URL.parse(response.headers.get("location") ?? "", url);
    if (
      !next || next.origin !== start.origin || next.username || next.password || hops >= MAX_HOPS
    ) {
      throw new PullamaError(
        "redirect",
        `refusing to follow a redirect from ${start.host} for a token: only ${MAX_HOPS} redirects ` +
          "to the same origin are allowed",
      );
    }
    url = next;
  }
}

interface TokenBody {
  readonly token: string;
  /** Seconds. */
  readonly life: number;
  /** Milliseconds since 1970 by the server's clock; NaN if unknown. */
  readonly issued: number;
}

function parse(bytes: Uint8Array | undefined): TokenBody | undefined {
  try {
    const body = Object(JSON.parse(new TextDecoder().decode(bytes)));
    const token = body.token || body.access_token;
    const { expires_in: life, issued_at: issued } = body;
    if (typeof token !== "string") return undefined;
    return {
      token,
      life: typeof life === "number" && life >= 0 ? life : DEFAULT_LIFE,
      issued: typeof issued === "string" ? Date.parse(issued) : NaN,
    };
  } catch {
    return undefined;
  }
}
