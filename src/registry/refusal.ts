/** What it means that a registry does not give a manifest. */

import { type Kind, PullamaError } from "../core/errors.ts";
import { isBusy, retryAfter } from "./status.ts";

export interface Refusal {
  readonly status: number;
  readonly headers: Headers;
  /** What the body says, fit to be shown; "" if nothing. */
  readonly text: string;
  readonly host: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

const CHECK_NAME = "check the spelling of the name and whether the registry has this tag";

/**
 * The failure that an answer other than 200 amounts to. A 403 may come from anything in between: it is
 * final only if it is `confirmed`.
 */
export function refusal(answer: Refusal, confirmed: () => boolean): PullamaError {
  const { status, host, text } = answer;
  const error = (kind: Kind, does: string, hint?: string) => {
    const message = `${host} ${does}${text === "" ? "" : `: ${text}`}`;
    return new PullamaError(kind, message, hint === undefined ? {} : { hint });
  };
  if (isBusy(status)) {
    const retryAfterMs = retryAfter(status, answer.headers, answer.now);
    const options = retryAfterMs === undefined ? {} : { retryAfterMs };
    const why = text === "" ? "" : `: ${text}`;
    return new PullamaError("unavailable", `${host} cannot answer now (${status})${why}`, options);
  }
  switch (status) {
    case 400:
      // Hugging Face's way of saying that there is no such tag or file.
      return /not a valid quantization scheme|does not exist/i.test(text)
        ? error("not_found", "does not know this tag")
        : error("refused", "does not accept the request (400)");
    case 401: {
      const hint =
        "check the spelling; to a private or gated model the registry must give you access";
      return new PullamaError("auth", `${host} has no such model, or it needs access (401)`, {
        hint,
      });
    }
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
