/**
 * Authentication at registries. The first request for a model is sent without Authorization; only a
 * 401 changes that.
 */

import { networkError } from "../diagnose/network_error.ts";
import { discard } from "../http/http.ts";
import {
  type Authorization,
  keyOf,
  login,
  type LoginOptions,
  noAccess,
  withClock,
} from "./login.ts";
import { areSameService, ForeignTokenHosts } from "./token_host.ts";
import type { FinalResponse, RedirectingHttp } from "../http/redirects.ts";
import { SingleFlight } from "./single_flight.ts";
import type { Pushing } from "./signature.ts";
import { clockProblem } from "./token.ts";
import type { Method } from "../http/http.ts";
import type { SentBody } from "../http/sent_body.ts";

/** Successive logins for one URL without a successful response. */
const MAX_FRUITLESS_LOGINS = 3;

export interface AuthorizedRequest {
  /** What `from` belongs to: a token is valid for one `namespace/model`. */
  readonly repository: string;
  /** The first URL. */
  readonly from: URL;
  /** The origin of the registry. */
  readonly home: string;
  /** Default GET. */
  readonly method?: Method | undefined;
  readonly body?: SentBody | undefined;
  /** As `SendOptions.headerMs`. */
  readonly headerMs?: number | undefined;
  /** The request needs the right to push; default to pull. */
  readonly push?: Pushing | undefined;
  /** Sent on every hop. */
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** An authorization and when it was obtained, compared with others. */
interface NumberedAuthorization extends Authorization {
  readonly number: number;
  /** The WWW-Authenticate header that it was obtained for. */
  readonly challenge: string;
}

/** The authorizations of one run, in memory only. */
export class Authorizations {
  readonly obtained = new Map<string, NumberedAuthorization>();
  readonly renewals = new Map<string, SingleFlight<NumberedAuthorization>>();
  readonly fruitless = new Map<string, number>();
  readonly foreign: ForeignTokenHosts = new ForeignTokenHosts();
  count = 0;
}

/** A `RedirectingHttp` that authenticates where a registry requires it. */
export class AuthorizedHttp {
  constructor(
    private readonly http: Pick<RedirectingHttp, "send">,
    private readonly options: LoginOptions,
    private readonly run: Authorizations = new Authorizations(),
  ) {}

  /**
   * The response to a request, which is repeated with Authorization if the registry requires it. It
   * is a 401 only if that has no challenge, or comes from another host. Throws what
   * `RedirectingHttp.send` throws, `auth` if access is refused, and what `login` throws.
   */
  async send(request: AuthorizedRequest): Promise<FinalResponse> {
    const { from, home } = request;
    let authorization = from.origin === home ? await this.#valid(home, request) : undefined;
    let origin = home;
    const began = this.run.count;
    const tried = new Set([authorization]);
    let final = await this.#send(request, from, home, authorization);
    while (final.response.status === 401 && isOfRegistry(final.url, home)) {
      const { response: { headers }, url } = final;
      const header = headers.get("www-authenticate")?.trim() || authorization?.challenge;
      if (!header) return final;
      await discard(final.response);
      // This token is newer than the request; another would be refused too.
      if (authorization && authorization.number > began && url.origin === origin) {
        this.run.obtained.delete(keyOf(origin, request));
        const clock = authorization.signed ? clockProblem(headers, this.options.now()) : undefined;
        throw noAccess(url.host, withClock(authorization.ifRejected, clock), request.push);
      }
      authorization = await this.#next(header, url, request, tried);
      tried.add(authorization);
      origin = url.origin;
      final = await this.#send(request, origin === home ? from : url, origin, authorization);
    }
    if (final.response.status < 400) this.run.fruitless.delete(from.href);
    return final;
  }

  #send(
    { method, body, headerMs, headers, signal }: AuthorizedRequest,
    from: URL,
    registry: string,
    { header: authorization }: Partial<Authorization> = {},
  ): Promise<FinalResponse> {
    return this.http.send(from, {
      method,
      body,
      headerMs,
      headers,
      registry,
      authorization,
      signal,
    });
  }

  /** An authorization not tried yet: one that another request obtained meanwhile, or a new one. */
  async #next(
    header: string,
    url: URL,
    request: AuthorizedRequest,
    tried: ReadonlySet<NumberedAuthorization | undefined>,
  ): Promise<NumberedAuthorization> {
    const { from } = request;
    const key = keyOf(url.origin, request);
    const known = this.run.obtained.get(key);
    if (known && !tried.has(known) && known.expires > this.options.now()) return known;
    if (this.run.renewals.get(key)?.abandoned === false) {
      return await this.#renewed(request, header, url);
    }
    const fruitless = this.run.fruitless.get(from.href) ?? 0;
    if (fruitless === MAX_FRUITLESS_LOGINS) {
      throw noAccess(url.host, {
        reason: `still required after ${fruitless} successful logins`,
        hint: "run the same command again later to resume",
      }, request.push);
    }
    const authorization = await this.#renewed(request, header, url);
    this.run.fruitless.set(from.href, fruitless + 1);
    return authorization;
  }

  /** The authorization for a model, renewed if it has expired; undefined before the first login. */
  async #valid(
    origin: string,
    request: AuthorizedRequest,
  ): Promise<NumberedAuthorization | undefined> {
    const authorization = this.run.obtained.get(keyOf(origin, request));
    if (!authorization || authorization.expires > this.options.now()) return authorization;
    return await this.#renewed(request, authorization.challenge, new URL(origin));
  }

  async #renewed(
    { repository, push, signal }: AuthorizedRequest,
    header: string,
    registry: URL,
  ): Promise<NumberedAuthorization> {
    const key = keyOf(registry.origin, { repository, push });
    let renewal = this.run.renewals.get(key);
    if (!renewal || renewal.abandoned) {
      const begun = new SingleFlight<NumberedAuthorization>(async (stop) => {
        try {
          const access = { registry: new URL(registry.origin), repository, push };
          const { foreign } = this.run;
          const authorization = await login(header, access, stop, { ...this.options, foreign });
          const numbered = { ...authorization, number: ++this.run.count, challenge: header };
          this.run.obtained.set(key, numbered);
          return numbered;
        } finally {
          if (this.run.renewals.get(key) === begun) this.run.renewals.delete(key);
        }
      });
      renewal = begun;
      this.run.renewals.set(key, renewal);
    }
    try {
      return await renewal.wait(signal);
    } catch (error) {
      throw networkError(error, registry.host, "head");
    }
  }
}

/** Whether a 401 from there is a challenge: object stores send one for an expired URL. */
function isOfRegistry(url: URL, home: string): boolean {
  return url.origin === home || areSameService(url, new URL(home));
}
