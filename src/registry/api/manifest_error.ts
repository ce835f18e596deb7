/** Errors for manifests that a registry did not return. */

import { type Kind, PullamaError } from "../../core/errors.ts";
import { tagProblemIn } from "./hugging_face.ts";
import { isBusy, retryAfter } from "../http/retry_after.ts";

export interface FailedManifest {
  readonly status: number;
  readonly headers: Headers;
  /** The reason in the body, safe to show; "" if it has none. */
  readonly text: string;
  readonly host: string;
  /** What to do, if more is known than the status tells. */
  readonly hint?: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

const CHECK_NAME = "check the spelling of the name, and whether the registry has this tag";
const CHECK_ACCESS =
  "check the spelling; for a private or gated model, request access from the registry";

/**
 * The error for a status other than 200. A 403 may come from anything in between: it is final only
 * if `confirmed`.
 */
export function manifestError(failed: FailedManifest, confirmed: () => boolean): PullamaError {
  const { status, host, text } = failed;
  const reason = text === "" ? "" : `: ${text}`;
  const error = (kind: Kind, what: string, hint?: string) =>
    new PullamaError(kind, `${what}${reason}`, hint === undefined ? {} : { hint });
  if (isBusy(status)) {
    const retryAfterMs = retryAfter(status, failed.headers, failed.now);
    const options = retryAfterMs === undefined ? {} : { retryAfterMs };
    const message = `${host} is temporarily unavailable (${status})${reason}`;
    return new PullamaError("unavailable", message, options);
  }
  switch (status) {
    case 400: {
      const problem = tagProblemIn(text);
      if (problem === "unknown") {
        return error("not_found", `tag not found on ${host}`, failed.hint ?? CHECK_NAME);
      }
      const what = problem === "split"
        ? `${host} has this model split into several files, which is not supported`
        : `${host} rejected the request (400)`;
      return error("refused", what, failed.hint);
    }
    case 401:
      return new PullamaError(
        "auth",
        `model not found on ${host}, or authentication required (401)`,
        { hint: failed.hint ?? CHECK_ACCESS },
      );
    case 403: {
      const hint =
        "check your access to the model, the proxy, and whether the clock is off by a day";
      return error(confirmed() ? "auth" : "unavailable", `access denied by ${host} (403)`, hint);
    }
    case 404:
    case 410:
      return new PullamaError("not_found", `model not found on ${host}`, { hint: CHECK_NAME });
    case 412:
      return error("refused", `${host} refused to send this model to this client (412)`);
    case 451:
      return error("refused", `model unavailable on ${host} for legal reasons (451)`);
    default:
      return status >= 400
        ? error("refused", `${host} refused the request (${status})`)
        : error("protocol", `${host} returned an unexpected status (${status})`);
  }
}
