/** Errors for manifests that a registry did not return. */

import { type Kind, PullamaError } from "../../core/errors.ts";
import { responderHint, responderOf } from "../diagnose/proxy.ts";
import type { Proxy } from "../net/proxy.ts";
import { tagProblemIn } from "./hugging_face.ts";
import { isBusy, retryAfter } from "../http/retry_after.ts";

export interface FailedManifest {
  readonly status: number;
  readonly headers: Headers;
  /** The reason in the body, safe to show; "" if it has none. */
  readonly text: string;
  readonly url: URL;
  /** The proxy that may have responded instead. */
  readonly proxy?: Proxy | undefined;
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
  const { status, url: { host, hostname }, proxy, text } = failed;
  const reason = text === "" ? "" : `: ${text}`;
  const responder = responderOf(host, proxy);
  const fallback = responderHint(hostname, proxy);
  const error = (kind: Kind, what: string, hint = fallback) =>
    new PullamaError(kind, `${what}${reason}`, hint === undefined ? {} : { hint });
  if (isBusy(status)) {
    const retryAfterMs = retryAfter(status, failed.headers, failed.now);
    const message = `${responder} is temporarily unavailable (${status})${reason}`;
    return new PullamaError("unavailable", message, {
      ...(fallback !== undefined && { hint: fallback }),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    });
  }
  switch (status) {
    case 400: {
      const problem = tagProblemIn(text);
      if (problem === "unknown") {
        return error("not_found", `tag not found on ${host}`, failed.hint ?? CHECK_NAME);
      }
      const what = problem === "split"
        ? `${host} has this model split into several files, which is not supported`
        : `${responder} rejected the request (400)`;
      return error("refused", what, failed.hint);
    }
    case 401:
      return new PullamaError(
        "auth",
        `model not found on ${host}, or authentication required (401)`,
        { hint: failed.hint ?? CHECK_ACCESS },
      );
    case 403: {
      const hint = fallback ??
        "check your access to the model, the proxy, and whether the clock is off by a day";
      const what = `access denied by ${responder} (403)`;
      return error(confirmed() ? "auth" : "unavailable", what, hint);
    }
    case 404:
    case 410:
      return new PullamaError("not_found", `model not found on ${host}`, { hint: CHECK_NAME });
    case 412:
      return error("refused", `${responder} refused to send this model to this client (412)`);
    case 451:
      return error("refused", `model unavailable on ${host} for legal reasons (451)`);
    default:
      return status >= 400
        ? error("refused", `${responder} refused the request (${status})`)
        : error("protocol", `${responder} returned an unexpected status (${status})`);
  }
}
