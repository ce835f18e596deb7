/** What it means that a registry does not give a manifest. */

import { type Kind, PullamaError } from "../../core/errors.ts";
import { tagProblemIn } from "./hugging_face.ts";
import { isBusy, retryAfter } from "../http/retry_after.ts";

export interface FailedManifest {
  readonly status: number;
  readonly headers: Headers;
  /** What the body says, fit to be shown; "" if nothing. */
  readonly text: string;
  readonly host: string;
  /** What to do, where more is known than the status tells. */
  readonly hint?: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

const CHECK_NAME = "check the spelling of the name and whether the registry has this tag";
const CHECK_ACCESS =
  "check the spelling; to a private or gated model the registry must give you access";

/**
 * The failure that an answer other than 200 amounts to. A 403 may come from anything in between: it is
 * final only if it is `confirmed`.
 */
export function manifestError(answer: FailedManifest, confirmed: () => boolean): PullamaError {
  const { status, host, text } = answer;
  const error = (kind: Kind, does: string, hint?: string) => {
    const message = `${host} ${does}${text === "" ? "" : `: ${text}`}`;
    return new PullamaError(kind, message, hint === undefined ? {} : { hint });
  };
  if (isBusy(status)) {
    const retryAfterMs = retryAfter(status, answer.headers, answer.now);
    const options = retryAfterMs === undefined ? {} : { retryAfterMs };
    const reason = text === "" ? "" : `: ${text}`;
    return new PullamaError(
      "unavailable",
      `${host} cannot answer now (${status})${reason}`,
      options,
    );
  }
  switch (status) {
    case 400: {
      const problem = tagProblemIn(text);
      if (problem === "unknown") {
        return error("not_found", "does not know this tag", answer.hint ?? CHECK_NAME);
      }
      const does = problem === "split"
        ? "has this model in several files, which cannot be pulled as one"
        : "does not accept the request (400)";
      return error("refused", does, answer.hint);
    }
    case 401:
      return new PullamaError("auth", `${host} has no such model, or it needs access (401)`, {
        hint: answer.hint ?? CHECK_ACCESS,
      });
    case 403: {
      const hint = "a proxy, or a clock that is a day off, may be the reason as well";
      return error(confirmed() ? "auth" : "unavailable", "denies access (403)", hint);
    }
    case 404:
    case 410:
      return new PullamaError("not_found", `${host} does not know this model`, {
        hint: CHECK_NAME,
      });
    case 412:
      return error("refused", "does not give this model to this program (412)");
    case 451:
      return error("refused", "has had to remove this model for legal reasons");
    default:
      return status >= 400
        ? error("refused", `refuses with status ${status}`)
        : error("protocol", `answered with an unexpected status ${status}`);
  }
}
