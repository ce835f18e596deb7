/** One request for a token. */

import { PullamaError } from "../../core/errors.ts";
import { formatDuration } from "../../core/units.ts";
import { Deadline } from "../../io/deadline.ts";
import { errorText } from "../http/error_body.ts";
import { discard, type Http } from "../http/http.ts";
import { readWhole } from "../http/body.ts";
import { isRedirect } from "../http/redirects.ts";
import type { Secrets } from "./redact.ts";
import { isBusy, retryAfter } from "../http/retry_after.ts";

/** Milliseconds without a byte, and for all of the request. */
const SILENCE_MS = 30_000;
const TOTAL_MS = 5 * 60_000;
/** Bytes of an answer. */
const MAX_ANSWER = 256 << 10;
/** Seconds that a token is good for if nothing else is said, as Docker's registries have it. */
const USUAL_LIFE = 60;
const MAX_HOPS = 3;
/** Milliseconds by which clocks may differ; signatures hold the time. */
const CLOCK_TOLERANCE = 60_000;

export interface Token {
  readonly token: string;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

/** The token server has said no. */
export interface TokenRefused {
  readonly status: number;
  /** The status and what the server says about it. */
  readonly reason: string;
  /** What is wrong with this machine's clock, the rest of a sentence about it, if anything is. */
  readonly clock: string | undefined;
}

export interface TokenOptions {
  readonly http: Http;
  readonly secrets: Secrets;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * GETs `address` with `header`. Throws what `Http.get` throws, `unavailable` if the server cannot answer
 * now, `auth` if its answer has no token, `redirect` for a redirect to another host.
 */
export async function requestToken(
  address: string,
  authorization: string | undefined,
  signal: AbortSignal,
  options: TokenOptions,
): Promise<Token | TokenRefused> {
  const { http, secrets, now } = options;
  const { host } = new URL(address);
  using attempt = new Deadline(signal, TOTAL_MS, `${host} has not given a token`);
  const headers = authorization === undefined ? {} : { authorization };
  const response = await final(http, new URL(address), headers, attempt.signal);
  const { status, headers: fields } = response;
  if (status !== 200) {
    const text = status >= 400 ? secrets.hide(await errorText(response)) : "";
    await discard(response);
    const reason = `${status}${text === "" ? "" : `: ${text}`}`;
    if (!isBusy(status)) return { status, reason, clock: clockProblem(fields, now()) };
    const retryAfterMs = retryAfter(status, fields, now());
    throw new PullamaError("unavailable", `${host} cannot give a token now (${reason})`, {
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    });
  }
  const bytes = await readWhole(response, host, MAX_ANSWER, SILENCE_MS, attempt);
  const answer = parse(bytes);
  // What cannot stand in a header is no token; fetch would quote it in its failure.
  if (!answer || !/^[\x21-\x7e]+$/.test(answer.token)) {
    throw new PullamaError("auth", `${host} gives no token: its answer has none`);
  }
  secrets.add(answer.token);
  const age = Math.max(0, (serverTime(fields) ?? NaN) - answer.issued) || 0;
  return { token: answer.token, expires: now() + Math.max(0, answer.life * 1000 - age) };
}

/** By how much this machine's clock is off, in words, if it is; measured by the Date of an answer. */
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
        `will not follow a redirect of ${start.host} on the way to a token: it leads elsewhere`,
      );
    }
    url = next;
  }
}

interface Answer {
  readonly token: string;
  /** Seconds. */
  readonly life: number;
  /** Milliseconds since 1970 by the server's clock; NaN if it does not say. */
  readonly issued: number;
}

function parse(bytes: Uint8Array | undefined): Answer | undefined {
  try {
    const answer = Object(JSON.parse(new TextDecoder().decode(bytes)));
    const token = answer.token || answer.access_token;
    const { expires_in: life, issued_at: issued } = answer;
    if (typeof token !== "string") return undefined;
    return {
      token,
      life: typeof life === "number" && life >= 0 ? life : USUAL_LIFE,
      issued: typeof issued === "string" ? Date.parse(issued) : NaN,
    };
  } catch {
    return undefined;
  }
}

/** Milliseconds since 1970, to the second. */
function serverTime(headers: Headers): number | undefined {
  const time = Date.parse(headers.get("date") ?? "");
  return Number.isNaN(time) ? undefined : time;
}
