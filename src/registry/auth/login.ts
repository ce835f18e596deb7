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
import { tokenHostTrust } from "./token_host.ts";
import type { Lookup } from "../net/dns.ts";
import { privateAddressReason } from "../http/redirects.ts";
import { plainQuery, tokenAddress } from "./signature.ts";
import { requestToken, type TokenOptions, type TokenRefused } from "./token.ts";

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

export interface LoginOptions extends TokenOptions, CredentialOptions {
  readonly lookup: Lookup;
  /** Called for a key that exists but cannot be used, if the registry does not require it. */
  readonly onWarning: (message: string, hint: string) => void;
}

const CONTACT = "contact the registry's operator";

/**
 * Answers one of the challenges in `header`, a WWW-Authenticate of the registry at `registry`,
 * preferring a token to a password. Throws `auth` if that is not possible, and what the request for
 * a token throws.
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

/** The error for a final 401 from `host`. */
export function noAccess(host: string, { reason, hint }: AccessProblem): PullamaError {
  const message = `model not found on ${host}, or authentication required (401): ${reason}`;
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
  const schemes = challenges.slice(0, 4).map(({ scheme }) => quoted(scheme, 20)).join(", ");
  return { reason: `unsupported authentication scheme: ${schemes}`, hint: CONTACT };
}

/** Requests a token: with credentials if there are any for a trusted server, else anonymously. */
async function withToken(
  parameters: Challenge["parameters"],
  registry: URL,
  signal: AbortSignal,
  options: LoginOptions,
): Promise<Authorization | AccessProblem> {
  const realm = URL.parse(parameters.get("realm") ?? "");
  if (!realm || !/^https?:$/.test(realm.protocol) || realm.username || realm.password) {
    return { reason: "the WWW-Authenticate header has no valid realm", hint: CONTACT };
  }
  const trust = tokenHostTrust(realm, registry);
  if (trust === "plain") {
    return { reason: `the token server ${realm.host} uses plain http`, hint: CONTACT };
  }
  const internal = trust === "foreign"
    ? await privateAddressReason(realm, registry, options.lookup, signal)
    : undefined;
  if (internal !== undefined) {
    return { reason: `the token server has ${internal} (${realm.hostname})`, hint: CONTACT };
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
  const result = await requestToken(address, credential.header(address), signal, options);
  if ("token" in result) {
    return {
      header: `Bearer ${result.token}`,
      expires: result.expires,
      signed,
      ifRejected,
    };
  }
  const problem = denied(ifRejected, result, signed);
  if (result.status !== 401 && result.status !== 403) return problem;
  return await anonymously(parameters, realm, problem, signal, options);
}

/** A token for anonymous access; if there is none, `problem`: why no credentials could be used. */
async function anonymously(
  parameters: Challenge["parameters"],
  realm: URL,
  problem: AccessProblem,
  signal: AbortSignal,
  options: LoginOptions,
): Promise<Authorization | AccessProblem> {
  const address = tokenAddress(realm, plainQuery(parameters));
  const result = await requestToken(address, undefined, signal, options);
  if (!("token" in result)) return problem;
  const authorization = `Bearer ${result.token}`;
  return { header: authorization, expires: result.expires, signed: false, ifRejected: problem };
}

/** The problem with the explanation of the token server. */
function denied(
  { reason, hint }: AccessProblem,
  { reason: explanation, clock }: TokenRefused,
  signed: boolean,
): AccessProblem {
  return withClock({ reason: `${reason} (${explanation})`, hint }, signed ? clock : undefined);
}

function foreign(realm: URL): AccessProblem {
  const reason =
    `credentials are not sent to the token server ${realm.host}, which is another host`;
  return { reason, hint: "only public models can be pulled from this registry" };
}
