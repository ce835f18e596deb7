/** From what a registry demands to the Authorization header that it gets, or to why there is none. */

import { PullamaError } from "../../core/errors.ts";
import { quoted } from "../../core/quote.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import {
  type AccessProblem,
  type CredentialOptions,
  passwordCredential,
  tokenCredential,
} from "./credential.ts";
import { tokenHostTrust } from "./token_host.ts";
import type { Lookup } from "../net/dns.ts";
import { privateAddressReason } from "../http/redirects.ts";
import { plainQuery, tokenAddress } from "./signature.ts";
import { requestToken, type TokenOptions, type TokenRefused } from "./token.ts";

/** What a registry takes for an answer. */
export interface Authorization {
  readonly header: string;
  /** Milliseconds since 1970, or Infinity. */
  readonly expires: number;
  /** A signature was made for it, which holds the time of this machine's clock. */
  readonly signed: boolean;
  /** What is to be said if the registry does not accept it. */
  readonly ifRejected: AccessProblem;
}

export interface LoginOptions extends TokenOptions, CredentialOptions {
  readonly lookup: Lookup;
  /** Told of a key that is there and cannot be used, where the registry does not insist on it. */
  readonly onWarning: (message: string, hint: string) => void;
}

const TELL = "tell those who run the registry";

/**
 * Meets one of the challenges in `header`, a WWW-Authenticate of the registry at `registry`: a token
 * rather than a password. Throws `auth` if that cannot be done, and what the request for a token fails with.
 */
export async function login(
  header: string,
  registry: URL,
  signal: AbortSignal,
  options: LoginOptions,
): Promise<Authorization> {
  const { challenges, broken } = parseChallenges(header);
  const problems: AccessProblem[] = [];
  for (const { scheme, parameters } of challenges) {
    if (scheme !== "bearer") continue;
    const authorization = await withToken(parameters, registry, signal, options);
    if ("header" in authorization) return authorization;
    problems.push(authorization);
  }
  const basic = challenges.find(({ scheme }) => scheme === "basic");
  if (basic) {
    const credential = await passwordCredential(basic.parameters, registry, registry, options);
    if ("query" in credential) {
      const { signed, ifRejected } = credential;
      return {
        header: credential.header(registry.href),
        expires: Infinity,
        signed,
        ifRejected,
      };
    }
    problems.push(credential);
  }
  throw noAccess(registry.host, problems[0] ?? unanswerable(challenges, broken));
}

/** The final failure of a request that `host` wants to see a pass for. */
export function noAccess(host: string, { reason, hint }: AccessProblem): PullamaError {
  const message = `${host} has no such model, or it needs access (401): ${reason}`;
  return new PullamaError("auth", message, { hint });
}

/** `problem`, and what is wrong with this machine's clock if that may be the reason. */
export function withClock(
  { reason, hint }: AccessProblem,
  clock: string | undefined,
): AccessProblem {
  if (clock === undefined) return { reason, hint };
  return { reason: `${reason}, and ${clock}`, hint: `set the clock; ${hint}` };
}

function unanswerable(challenges: readonly Challenge[], broken: boolean): AccessProblem {
  if (broken || challenges.length === 0) {
    return { reason: "its WWW-Authenticate header cannot be read", hint: TELL };
  }
  const schemes = challenges.slice(0, 4).map(({ scheme }) => quoted(scheme, 20)).join(", ");
  return { reason: `it wants a login of a kind that is not known here: ${schemes}`, hint: TELL };
}

/** With what shows who we are, where that may be known and there is something to show; else as anybody. */
async function withToken(
  parameters: Challenge["parameters"],
  registry: URL,
  signal: AbortSignal,
  options: LoginOptions,
): Promise<Authorization | AccessProblem> {
  const realm = URL.parse(parameters.get("realm") ?? "");
  if (!realm || !/^https?:$/.test(realm.protocol) || realm.username || realm.password) {
    return { reason: "it names no address to log in at", hint: TELL };
  }
  const trust = tokenHostTrust(realm, registry);
  if (trust === "plain") {
    return { reason: `it wants a login at ${realm.host} over plain http`, hint: TELL };
  }
  const inside = trust === "foreign"
    ? await privateAddressReason(realm, registry, options.lookup, signal)
    : undefined;
  if (inside !== undefined) {
    return { reason: `it wants a login at ${realm.hostname}, ${inside}`, hint: TELL };
  }
  const credential = trust === "trusted"
    ? await tokenCredential(parameters, registry, realm, options)
    : foreign(realm);
  if (!("query" in credential)) {
    const result = await anonymously(parameters, realm, credential, signal, options);
    if (credential.surprising && result !== credential) {
      options.onWarning(credential.reason, credential.hint);
    }
    return result;
  }
  const { signed, ifRejected } = credential;
  const address = tokenAddress(realm, credential.query);
  const answer = await requestToken(address, credential.header(address), signal, options);
  if ("token" in answer) {
    return {
      header: `Bearer ${answer.token}`,
      expires: answer.expires,
      signed,
      ifRejected,
    };
  }
  const problem = denied(ifRejected, answer, signed);
  if (answer.status !== 401 && answer.status !== 403) return problem;
  return await anonymously(parameters, realm, problem, signal, options);
}

/** A pass that everybody gets; `problem`, which stands in the way of a better one, if there is none. */
async function anonymously(
  parameters: Challenge["parameters"],
  realm: URL,
  problem: AccessProblem,
  signal: AbortSignal,
  options: LoginOptions,
): Promise<Authorization | AccessProblem> {
  const address = tokenAddress(realm, plainQuery(parameters));
  const answer = await requestToken(address, undefined, signal, options);
  if (!("token" in answer)) return problem;
  const authorization = `Bearer ${answer.token}`;
  return { header: authorization, expires: answer.expires, signed: false, ifRejected: problem };
}

/** `problem` as the token server explains it. */
function denied(
  { reason, hint }: AccessProblem,
  { reason: answer, clock }: TokenRefused,
  signed: boolean,
): AccessProblem {
  return withClock({ reason: `${reason} (${answer})`, hint }, signed ? clock : undefined);
}

function foreign(realm: URL): AccessProblem {
  const reason = `its logins are at ${realm.host}, where no key and no password is sent`;
  return { reason, hint: "only what is public can be had from it" };
}
