/** From what a registry demands to the Authorization header that it gets, or to why there is none. */

import { PullamaError } from "../../core/errors.ts";
import { quoted } from "../../core/quote.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import { passwordProof, type Problem, type ProofOptions, tokenProof } from "./credential.ts";
import { standingOf } from "./token_host.ts";
import type { Lookup } from "../net/dns.ts";
import { insideReason } from "../http/redirects.ts";
import { plainQuery, tokenAddress } from "./signature.ts";
import { type Denied, requestToken, type TokenOptions } from "./token.ts";

/** What a registry takes for an answer. */
export interface Pass {
  readonly authorization: string;
  /** Milliseconds since 1970, or Infinity. */
  readonly expires: number;
  /** A signature was made for it, which holds the time of this machine's clock. */
  readonly signed: boolean;
  /** What is to be said if the registry does not accept it. */
  readonly otherwise: Problem;
}

export interface LoginOptions extends TokenOptions, ProofOptions {
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
): Promise<Pass> {
  const { challenges, broken } = parseChallenges(header);
  const problems: Problem[] = [];
  for (const { scheme, parameters } of challenges) {
    if (scheme !== "bearer") continue;
    const pass = await withToken(parameters, registry, signal, options);
    if ("authorization" in pass) return pass;
    problems.push(pass);
  }
  const basic = challenges.find(({ scheme }) => scheme === "basic");
  if (basic) {
    const proof = await passwordProof(basic.parameters, registry, registry, options);
    if ("query" in proof) {
      const { signed, otherwise } = proof;
      return { authorization: proof.header(registry.href), expires: Infinity, signed, otherwise };
    }
    problems.push(proof);
  }
  throw noAccess(registry.host, problems[0] ?? unanswerable(challenges, broken));
}

/** The final failure of a request that `host` wants to see a pass for. */
export function noAccess(host: string, { why, hint }: Problem): PullamaError {
  const message = `${host} has no such model, or it needs access (401): ${why}`;
  return new PullamaError("auth", message, { hint });
}

/** `problem`, and what is wrong with this machine's clock if that may be the reason. */
export function withClock({ why, hint }: Problem, clock: string | undefined): Problem {
  if (clock === undefined) return { why, hint };
  return { why: `${why}, and ${clock}`, hint: `set the clock; ${hint}` };
}

function unanswerable(challenges: readonly Challenge[], broken: boolean): Problem {
  if (broken || challenges.length === 0) {
    return { why: "its WWW-Authenticate header cannot be read", hint: TELL };
  }
  const schemes = challenges.slice(0, 4).map(({ scheme }) => quoted(scheme, 20)).join(", ");
  return { why: `it wants a login of a kind that is not known here: ${schemes}`, hint: TELL };
}

/** With what shows who we are, where that may be known and there is something to show; else as anybody. */
async function withToken(
  parameters: Challenge["parameters"],
  registry: URL,
  signal: AbortSignal,
  options: LoginOptions,
): Promise<Pass | Problem> {
  const realm = URL.parse(parameters.get("realm") ?? "");
  if (!realm || !/^https?:$/.test(realm.protocol) || realm.username || realm.password) {
    return { why: "it names no address to log in at", hint: TELL };
  }
  const standing = standingOf(realm, registry);
  if (standing === "plain") {
    return { why: `it wants a login at ${realm.host} over plain http`, hint: TELL };
  }
  const inside = standing === "foreign"
    ? await insideReason(realm, registry, options.lookup, signal)
    : undefined;
  if (inside !== undefined) {
    return { why: `it wants a login at ${realm.hostname}, ${inside}`, hint: TELL };
  }
  const proof = standing === "trusted"
    ? await tokenProof(parameters, registry, realm, options)
    : foreign(realm);
  if (!("query" in proof)) {
    const result = await anonymously(parameters, realm, proof, signal, options);
    if (proof.surprising && result !== proof) options.onWarning(proof.why, proof.hint);
    return result;
  }
  const { signed, otherwise } = proof;
  const address = tokenAddress(realm, proof.query);
  const answer = await requestToken(address, proof.header(address), signal, options);
  if ("token" in answer) {
    return { authorization: `Bearer ${answer.token}`, expires: answer.expires, signed, otherwise };
  }
  const problem = denied(otherwise, answer, signed);
  if (answer.status !== 401 && answer.status !== 403) return problem;
  return await anonymously(parameters, realm, problem, signal, options);
}

/** A pass that everybody gets; `problem`, which stands in the way of a better one, if there is none. */
async function anonymously(
  parameters: Challenge["parameters"],
  realm: URL,
  problem: Problem,
  signal: AbortSignal,
  options: LoginOptions,
): Promise<Pass | Problem> {
  const address = tokenAddress(realm, plainQuery(parameters));
  const answer = await requestToken(address, undefined, signal, options);
  if (!("token" in answer)) return problem;
  const authorization = `Bearer ${answer.token}`;
  return { authorization, expires: answer.expires, signed: false, otherwise: problem };
}

/** `problem` as the token server explains it. */
function denied({ why, hint }: Problem, { reason, clock }: Denied, signed: boolean): Problem {
  return withClock({ why: `${why} (${reason})`, hint }, signed ? clock : undefined);
}

function foreign(realm: URL): Problem {
  const why = `its logins are at ${realm.host}, where no key and no password is sent`;
  return { why, hint: "only what is public can be had from it" };
}
