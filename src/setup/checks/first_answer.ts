/** The first request to a registry: whether its certificate is trusted, and what time it is there. */

import { asPullamaError, PullamaError } from "../../core/errors.ts";
import { formatDuration } from "../../core/units.ts";
import { discard, type Http } from "../../registry/http/http.ts";
import type { Step } from "./run.ts";

/** Milliseconds that a clock may be off by: signatures and certificates hold the time. */
const TOLERANCE = 5 * 60_000;

export type Answer =
  | { readonly date: string | null; readonly atMs: number }
  | { readonly error: PullamaError };

/** Asked for once, with the signal of who asks first. */
export class FirstAnswer {
  readonly #http: Http;
  readonly #url: URL;
  #answer: Promise<Answer> | undefined;

  /** `registry` is its origin; of the answer nothing but the head counts. */
  constructor(http: Http, registry: URL) {
    this.#http = http;
    this.#url = new URL("/v2/", registry);
  }

  get(signal: AbortSignal): Promise<Answer> {
    this.#answer ??= this.#ask(signal);
    return this.#answer;
  }

  async #ask(signal: AbortSignal): Promise<Answer> {
    try {
      const response = await this.#http.get(this.#url, { signal });
      await discard(response);
      return { date: response.headers.get("date"), atMs: Date.now() };
    } catch (error) {
      return { error: asPullamaError(error) };
    }
  }
}

export function clockStep(first: FirstAnswer): Step {
  return {
    name: "clock",
    needs: ["tcp", "tls"],
    late: "there is no answer with the time",
    remedy: "compare the clock of this machine with another one",
    async check(signal) {
      const answer = await first.get(signal);
      if ("error" in answer) return { skipped: "there is no answer to compare it with" };
      const time = Date.parse(answer.date ?? "");
      if (Number.isNaN(time)) return { skipped: "the registry does not say what time it is" };
      const skew = answer.atMs - time;
      if (Math.abs(skew) > TOLERANCE) {
        const message = `the clock of this machine is ${off(skew)}`;
        throw new PullamaError("local", message, {
          hint: "set it, or have it set by a time server: certificates and logins depend on it",
        });
      }
      // The header has no fractions of a second, and the answer was under way for a while.
      return { found: [Math.abs(skew) < 2000 ? "right" : off(skew)] };
    },
  };
}

function off(skew: number): string {
  return `${formatDuration(Math.abs(skew))} ${skew < 0 ? "behind" : "ahead"}`;
}
