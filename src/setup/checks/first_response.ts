/** The first request to a registry: is its certificate trusted, and what is its Date header? */

import { asPullamaError, PullamaError } from "../../core/errors.ts";
import { formatDuration } from "../../core/units.ts";
import { discard, type Http } from "../../registry/http/http.ts";
import type { Step } from "./run.ts";

/** Tolerated clock skew in milliseconds: signatures and certificates depend on the time. */
const TOLERANCE = 5 * 60_000;

export type FirstResult =
  | { readonly date: string | null; readonly atMs: number }
  | { readonly error: PullamaError };

/** Sends the request once, with the signal of the first caller, and shares the result. */
export class FirstResponse {
  readonly #http: Http;
  readonly #url: URL;
  #result: Promise<FirstResult> | undefined;

  /** `registry` is the origin; only the headers of the response are used. */
  constructor(http: Http, registry: URL) {
    this.#http = http;
    this.#url = new URL("/v2/", registry);
  }

  get(signal: AbortSignal): Promise<FirstResult> {
    this.#result ??= this.#request(signal);
    return this.#result;
  }

  async #request(signal: AbortSignal): Promise<FirstResult> {
    try {
      const response = await this.#http.get(this.#url, { signal });
      await discard(response);
      return { date: response.headers.get("date"), atMs: Date.now() };
    } catch (error) {
      return { error: asPullamaError(error) };
    }
  }
}

export function clockStep(first: FirstResponse): Step {
  return {
    name: "clock",
    needs: ["tcp", "tls"],
    late: "no response from the registry",
    remedy: "compare the clock of this machine with another one",
    async check(signal) {
      const result = await first.get(signal);
      if ("error" in result) return { skipped: "no response to compare the clock with" };
      const time = Date.parse(result.date ?? "");
      if (Number.isNaN(time)) return { skipped: "no valid Date header in the registry's response" };
      const skew = result.atMs - time;
      if (Math.abs(skew) > TOLERANCE) {
        const message = `the clock of this machine is ${off(skew)}`;
        throw new PullamaError("local", message, {
          hint:
            "set it, or enable time synchronization (NTP): certificates and signatures depend on it",
        });
      }
      // The header has no fractions of a second, and the response took some time to arrive.
      return { found: [Math.abs(skew) < 2000 ? "correct" : off(skew)] };
    },
  };
}

function off(skew: number): string {
  return `${formatDuration(Math.abs(skew))} ${skew < 0 ? "behind" : "ahead"}`;
}
