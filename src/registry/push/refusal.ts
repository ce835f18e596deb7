/** Errors for what a registry did not take. */

import { type Kind, PullamaError } from "../../core/errors.ts";
import { responderHint, responderOf } from "../diagnose/proxy.ts";
import type { FinalResponse } from "../http/redirects.ts";
import { isBusy, retryAfter } from "../http/retry_after.ts";

/** A response that is not a success. */
export interface Refusal {
  readonly final: FinalResponse;
  /** The reason in the body, safe to show; "" if it has none. */
  readonly text: string;
  /** What was sent, such as "blob 0123456789ab". */
  readonly what: string;
  /** The repository there. */
  readonly repository: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

const READ_ONLY = "pullama serve and caching proxies take no uploads: push to the registry itself";
const READ_LOG = "read the log of the registry, or contact its operator";
const SMALLER =
  "a server in between limits the size of requests, as client_max_body_size of nginx " +
  "does: raise that, or use a smaller --chunk-size";
/** Harbor denies what is over a quota. */
const DENIES: readonly number[] = [400, 403, 409, 422];
const NO_ROOM_LEFT = /\bquota\b|exceed\w* .*\b(storage|limit)|no space left/i;
const NO_ROOM = "free space there, or raise the quota, and run the same command again";
const NO_TYPE = "the registry has to accept manifests of Docker's type; Zot does with " +
  '"http": {"compat": ["docker2s2"]}';

/** The error for a request that would have sent or begun something. */
export function refusalOf(refusal: Refusal): PullamaError {
  const { final: { response: { status, headers }, url, proxy }, text, what, repository } = refusal;
  const responder = responderOf(url.host, proxy);
  const reason = text === "" ? "" : `: ${text}`;
  const error = (kind: Kind, does: string, hint = responderHint(url.hostname, proxy)) =>
    new PullamaError(kind, `${responder} ${does} (${status})${reason}`, hint ? { hint } : {});
  if (saysFull(refusal)) {
    return error("refused", `has no room for ${what}`, NO_ROOM);
  }
  if (isBusy(status)) {
    const retryAfterMs = retryAfter(status, headers, refusal.now);
    const busy = error("unavailable", `is temporarily unavailable for ${what}`);
    if (retryAfterMs === undefined) return busy;
    const { kind, message, hint } = busy;
    return new PullamaError(kind, message, { retryAfterMs, ...(hint !== undefined && { hint }) });
  }
  switch (status) {
    case 401:
      return error(
        "auth",
        `requires authentication for ${what}`,
        `log in with: docker login ${url.host}`,
      );
    case 403:
      return error("auth", `does not let you push ${what} to ${repository}`, loginFor(url.host));
    case 400:
    case 404:
      if (status === 400 && /digest/i.test(text)) return error("digest", `does not accept ${what}`);
      return error("refused", `does not take ${what}`, status === 404 ? READ_ONLY : READ_LOG);
    case 405:
    case 501:
      return error("refused", "takes no uploads", READ_ONLY);
    case 413:
      return error("refused", `takes no request of that size for ${what}`, SMALLER);
    default:
      return status >= 400
        ? error("refused", `does not take ${what}`, READ_LOG)
        : error("protocol", `returned an unexpected status for ${what}`);
  }
}

/** Whether it has no room. */
export function saysFull({ final: { response: { status } }, text }: Refusal): boolean {
  return status === 507 || (DENIES.includes(status) && NO_ROOM_LEFT.test(text));
}

/** The same for a manifest, whose type the registry may not know. */
export function manifestRefusal(refusal: Refusal, type: string): PullamaError {
  const error = refusalOf(refusal);
  const { status } = refusal.final.response;
  const foreign = [400, 406, 415, 422].includes(status) &&
    (status !== 400 || /type|manifest.*invalid|invalid.*manifest|unsupported/i.test(refusal.text));
  if (!foreign) return error;
  return new PullamaError("refused", `${error.message} (its type is ${type})`, { hint: NO_TYPE });
}

function loginFor(host: string): string {
  return `the login needs the right to push, and the project has to exist: docker login ${host}`;
}
