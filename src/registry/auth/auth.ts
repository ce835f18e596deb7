/**
 * Getting at what a registry shows only to some. Nobody is told who asks before they want to know: the first
 * request for a model goes without Authorization, and only a 401 changes that.
 */

import { networkError } from "../diagnose/network_error.ts";
import { discard } from "../http/http.ts";
import { type Authorization, login, type LoginOptions, noAccess, withClock } from "./login.ts";
import { areSameService } from "./token_host.ts";
import type { FinalResponse } from "../http/redirects.ts";
import { SingleFlight } from "./single_flight.ts";
import { clockProblem } from "./token.ts";

/** New passes for one address, in a row, that brought nothing from it. */
const MOST_FRUITLESS = 3;

export interface Request {
  /** What is asked for is part of this: a pass is good for one `namespace/model`. */
  readonly repository: string;
  /** Where to begin. */
  readonly from: URL;
  /** The origin of the registry. */
  readonly home: string;
  readonly signal: AbortSignal;
  /** GETs `from` and what it redirects to; only the origin `trusted` is shown `authorization`. */
  send(from: URL, trusted: string, authorization: string | undefined): Promise<FinalResponse>;
}

/** A pass, and when it was come by compared with others. */
interface NumberedAuthorization extends Authorization {
  readonly number: number;
  /** The WWW-Authenticate header that it answers. */
  readonly challenge: string;
}

/** The passes of one run, in memory only. */
export class Auth {
  readonly #options: LoginOptions;
  readonly #authorizations = new Map<string, NumberedAuthorization>();
  readonly #renewals = new Map<string, SingleFlight<NumberedAuthorization>>();
  readonly #fruitless = new Map<string, number>();
  #count = 0;

  constructor(options: LoginOptions) {
    this.#options = options;
  }

  /**
   * The answer to a request, which is made again with a pass when the registry asks for one. It is a 401
   * only if that does not say how to log in. Throws what `send` throws, `auth` when the registry does not
   * let us, and what fails on the way to a pass.
   */
  async get(request: Request): Promise<FinalResponse> {
    const { from, home, repository, signal } = request;
    let authorization = from.origin === home
      ? await this.#valid(home, repository, signal)
      : undefined;
    let shownTo = home;
    const began = this.#count;
    const tried = new Set([authorization]);
    let final = await request.send(from, home, authorization?.header);
    while (final.response.status === 401 && isOfRegistry(final.url, home)) {
      const { response: { headers }, url } = final;
      const header = headers.get("www-authenticate")?.trim() || authorization?.challenge;
      if (!header) return final;
      await discard(final.response);
      // A pass that was come by since this request began: a newer one would fare no better.
      if (authorization && authorization.number > began && url.origin === shownTo) {
        this.#authorizations.delete(keyOf(shownTo, repository));
        const clock = authorization.signed ? clockProblem(headers, this.#options.now()) : undefined;
        throw noAccess(url.host, withClock(authorization.ifRejected, clock));
      }
      authorization = await this.#next(header, url, request, tried);
      tried.add(authorization);
      shownTo = url.origin;
      final = await request.send(shownTo === home ? from : url, shownTo, authorization.header);
    }
    if (final.response.status < 400) this.#fruitless.delete(from.href);
    return final;
  }

  /** A pass that was not tried before: one that somebody else has come by meanwhile, or a new one. */
  async #next(
    header: string,
    url: URL,
    { repository, from, signal }: Request,
    tried: ReadonlySet<NumberedAuthorization | undefined>,
  ): Promise<NumberedAuthorization> {
    const key = keyOf(url.origin, repository);
    const known = this.#authorizations.get(key);
    if (known && !tried.has(known) && known.expires > this.#options.now()) return known;
    if (this.#renewals.get(key)?.abandoned === false) {
      return await this.#renewed(key, header, url, signal);
    }
    const fruitless = this.#fruitless.get(from.href) ?? 0;
    if (fruitless === MOST_FRUITLESS) {
      throw noAccess(url.host, {
        reason: `it goes on asking who we are, after ${fruitless} logins that it accepted`,
        hint: "run the same command again later: it goes on where it stopped",
      });
    }
    const authorization = await this.#renewed(key, header, url, signal);
    this.#fruitless.set(from.href, fruitless + 1);
    return authorization;
  }

  /** The pass for a model, renewed if it has expired; undefined if nobody has asked for one yet. */
  async #valid(
    origin: string,
    repository: string,
    signal: AbortSignal,
  ): Promise<NumberedAuthorization | undefined> {
    const key = keyOf(origin, repository);
    const authorization = this.#authorizations.get(key);
    if (!authorization || authorization.expires > this.#options.now()) return authorization;
    return await this.#renewed(key, authorization.challenge, new URL(origin), signal);
  }

  async #renewed(
    key: string,
    header: string,
    registry: URL,
    signal: AbortSignal,
  ): Promise<NumberedAuthorization> {
    let renewal = this.#renewals.get(key);
    if (!renewal || renewal.abandoned) {
      const begun = new SingleFlight<NumberedAuthorization>(async (stop) => {
        try {
          const authorization = await login(header, new URL(registry.origin), stop, this.#options);
          const numbered = { ...authorization, number: ++this.#count, challenge: header };
          this.#authorizations.set(key, numbered);
          return numbered;
        } finally {
          if (this.#renewals.get(key) === begun) this.#renewals.delete(key);
        }
      });
      renewal = begun;
      this.#renewals.set(key, renewal);
    }
    try {
      return await renewal.wait(signal);
    } catch (error) {
      throw networkError(error, registry.host, "head");
    }
  }
}

/** Whether a 401 from there is a question to us: object stores, say, answer with it to old addresses. */
function isOfRegistry(url: URL, home: string): boolean {
  return url.origin === home ||
    (url.protocol === "https:" && home.startsWith("https:") &&
      areSameService(url.host, new URL(home).host));
}

function keyOf(origin: string, repository: string): string {
  return `${origin} ${repository}`;
}
