/** Answers a WWW-Authenticate challenge with an Authorization header, or says why not. */

import { PullamaError } from "../../core/errors.ts";
import { quoted } from "../../core/quote.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import {
  type AccessProblem,
  type CredentialOptions,
  passwordCredential,
  tokenCredential,
} from "./credential.ts";
import { type ForeignTokenHosts, tokenHostTrust } from "./token_host.ts";
import type { Lookup } from "../net/dns.ts";
import { LONGEST_HOST, privateAddressReason } from "../http/redirects.ts";
import {
  excessIn,
  plainQuery,
  type Pushing,
  tokenAddress,
  type TokenRequest,
} from "./signature.ts";
import { requestToken, type Token, type TokenOptions, type TokenRefused } from "./token.ts";

/** What grants access to a registry. */
export interface Authorization {
  readonly header: string;
  /** Milliseconds since 1970, or Infinity. */
  readonly expires: number;
  /** It was obtained with a signature, which contains the time of this machine's clock. */
  readonly signed: boolean;
  /** What to report if the registry rejects it. */
  readonly ifRejected: AccessProblem;
}

/** What access is needed to: the origin of a registry, and the name of a repository there. */
export interface Access {
  readonly registry: URL;
  readonly repository: string;
  /** Access to push; default to pull. */
  readonly push?: Pushing | undefined;
}

/** What an authorization is for, which is sent for nothing else. */
export function keyOf(
  origin: string,
  { repository, push }: Pick<Access, "repository" | "push">,
): string {
  return [origin, repository, ...(push ? ["push", push.from ?? ""] : [])].join(" ");
}

export interface LoginOptions extends TokenOptions, CredentialOptions {
  readonly lookup: Lookup;
  /** Called for a key that exists but cannot be used, if the registry does not require it. */
  readonly onWarning: (message: string, hint: string) => void;
}

const CONTACT = "contact the registry's operator";
/** Requests for a token that one response may cause. */
const MAX_REQUESTS = 2;

/** The options of `login`, and what one run remembers. */
type LoginContext = LoginOptions & { readonly foreign: ForeignTokenHosts };

/**
 * Answers one of the challenges in `header`, a WWW-Authenticate of a registry, preferring a token
 * to a password. Sends at most two requests for a token. Throws `auth` if that is not possible, and
 * what the request for a token throws.
 */
export async function login(
  header: string,
  access: Access,
  signal: AbortSignal,
  context: LoginContext,
): Promise<Authorization> {
  return await new Login(access, signal, context).answer(header);
}

class Login {
  #requests = 0;

  constructor(
    private readonly access: Access,
    private readonly signal: AbortSignal,
    private readonly context: LoginContext,
  ) {}

  async answer(header: string): Promise<Authorization> {
    const { registry, repository, push } = this.access;
    const { challenges, broken } = parseChallenges(header);
    const problems: AccessProblem[] = [];
    for (const { scheme, parameters } of challenges) {
      if (scheme !== "bearer" || this.#requests === MAX_REQUESTS) continue;
      const authorization = await this.#withToken(parameters);
      if ("header" in authorization) return authorization;
      problems.push(authorization);
    }
    if (challenges.some(({ scheme }) => scheme === "basic")) {
      const request = { service: "", repository, push };
      const credential = await passwordCredential(request, registry, registry, this.context);
      if ("query" in credential) {
        const { signed, ifRejected } = credential;
        return { header: credential.header(registry.href), expires: Infinity, signed, ifRejected };
      }
      problems.push(credential);
    }
    throw noAccess(registry.host, problems[0] ?? unanswerable(challenges, broken), push);
  }

  /** Requests a token: with credentials if there are any for a trusted server, else anonymously. */
  async #withToken(
    parameters: Challenge["parameters"],
  ): Promise<Authorization | AccessProblem> {
    const { registry, repository, push } = this.access;
    const excess = push && excessIn(parameters.get("scope") ?? "", this.access);
    if (excess !== undefined) {
      const reason = `it asks for more than a push to ${repository}: ${quoted(excess, 120)}`;
      return { reason, hint: CONTACT };
    }
    const { lookup, foreign, onWarning, now, identity } = this.context;
    const request = { service: parameters.get("service") ?? "", repository, push };
    const realm = URL.parse(parameters.get("realm") ?? "");
    const isValid = realm && /^https?:$/.test(realm.protocol) && !realm.username &&
      !realm.password && realm.hostname.length <= LONGEST_HOST;
    if (!isValid) {
      return { reason: "the WWW-Authenticate header has no valid realm", hint: CONTACT };
    }
    const trust = tokenHostTrust(realm, registry, identity.tokenHosts ?? []);
    if (trust === "plain") {
      return { reason: `the token server ${realm.host} uses plain http`, hint: CONTACT };
    }
    if (trust === "foreign") {
      const internal = await privateAddressReason(realm, registry, lookup, this.signal);
      if (internal !== undefined) {
        return { reason: `the token server has ${internal} (${realm.hostname})`, hint: CONTACT };
      }
      const problem = notSent(realm);
      const model = keyOf(registry.origin, this.access);
      const anonymous = () => this.#anonymously(request, realm, problem);
      return await foreign.token(model, realm, now, anonymous) ?? problem;
    }
    const credential = await tokenCredential(request, registry, realm, this.context);
    if (!("query" in credential)) {
      const authorization = await this.#anonymously(request, realm, credential);
      if (authorization && credential.surprising) onWarning(credential.reason, credential.hint);
      return authorization ?? credential;
    }
    const { signed, ifRejected } = credential;
    const address = tokenAddress(realm, credential.query);
    const result = await this.#request(address, credential.header(address));
    if ("token" in result) {
      return { header: `Bearer ${result.token}`, expires: result.expires, signed, ifRejected };
    }
    const problem = denied(ifRejected, result, signed);
    if (result.status !== 401 && result.status !== 403) return problem;
    return await this.#anonymously(request, realm, problem) ?? problem;
  }

  /** A token for anonymous access, if there is one. `problem`: why no credentials could be used. */
  async #anonymously(
    request: TokenRequest,
    realm: URL,
    problem: AccessProblem,
  ): Promise<Authorization | undefined> {
    if (this.#requests === MAX_REQUESTS) return undefined;
    const result = await this.#request(tokenAddress(realm, plainQuery(request)), undefined);
    if (!("token" in result)) return undefined;
    const header = `Bearer ${result.token}`;
    return { header, expires: result.expires, signed: false, ifRejected: problem };
  }

  #request(address: string, authorization: string | undefined): Promise<Token | TokenRefused> {
    this.#requests++;
    return requestToken(address, authorization, this.signal, this.context);
  }
}

/** The error for a final 401 from `host`, of a pull or of a push. */
export function noAccess(
  host: string,
  { reason, hint }: AccessProblem,
  push: Pushing | undefined,
): PullamaError {
  const message = push
    ? `${host} requires authentication for a push (401): ${reason}`
    : `model not found on ${host}, or authentication required (401): ${reason}`;
  return new PullamaError("auth", message, { hint });
}

/** The problem, extended with what is wrong with this machine's clock, if anything. */
export function withClock(
  { reason, hint }: AccessProblem,
  clock: string | undefined,
): AccessProblem {
  if (clock === undefined) return { reason, hint };
  return { reason: `${reason}, and ${clock}`, hint: `set the clock; ${hint}` };
}

function unanswerable(challenges: readonly Challenge[], broken: boolean): AccessProblem {
  if (broken || challenges.length === 0) {
    return { reason: "invalid WWW-Authenticate header", hint: CONTACT };
  }
  const schemes = challenges.map(({ scheme }) => quoted(scheme, 20)).join(", ");
  return { reason: `unsupported authentication scheme: ${schemes}`, hint: CONTACT };
}

/** The problem with the explanation of the token server. */
function denied(
  { reason, hint }: AccessProblem,
  { reason: explanation, clock }: TokenRefused,
  signed: boolean,
): AccessProblem {
  return withClock({ reason: `${reason} (${explanation})`, hint }, signed ? clock : undefined);
}

function notSent(realm: URL): AccessProblem {
  const reason =
    `credentials are not sent to the token server ${realm.host}, which is another host`;
  const hint = `if it may have the login for this registry, add --token-host ${realm.host}`;
  return { reason, hint };
}
