/** From what a registry demands to the Authorization header that it gets, or to why there is none. */

import { randomBytes } from "node:crypto";
import { addressKind } from "../core/address.ts";
import { PullamaError } from "../core/errors.ts";
import { quoted } from "../core/quote.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import { basicHeader, type CredentialSources, findCredentials } from "./credentials.ts";
import { readKey } from "./key.ts";
import { standingOf } from "./realm.ts";
import { insideReason, type Lookup } from "./redirects.ts";
import { plainQuery, type Query, signedHeader, signedQuery, tokenAddress } from "./signature.ts";
import { type Denied, requestToken, type TokenOptions } from "./token.ts";

/** What a user can log in with. Files are read when they are needed, at each time. */
export interface Identity extends CredentialSources {
  /** The path of a private key. */
  readonly keyFile?: string;
}

/** What the user should know who gets no access, and can do about it. */
export interface Problem {
  /** The rest of a sentence that says that the registry gives no access. */
  readonly why: string;
  readonly hint: string;
}

/** What a registry takes for an answer. */
export interface Pass {
  readonly authorization: string;
  /** Milliseconds since 1970, or Infinity. */
  readonly expires: number;
  /** What is to be said if the registry does not accept it. */
  readonly otherwise: Problem;
}

export interface LoginOptions extends TokenOptions {
  readonly identity: Identity;
  readonly lookup: Lookup;
  /** Told once for each text of what keeps the user's key from being used. */
  readonly onWarning: (message: string, hint: string) => void;
}

/** Who is known to keep keys of users, and where these add theirs. */
const KEY_PAGES: Readonly<Record<string, string>> = {
  "registry.ollama.ai": "https://ollama.com/settings/keys",
  "ollama.com": "https://ollama.com/settings/keys",
  "hf.co": "https://huggingface.co/settings/keys",
  "huggingface.co": "https://huggingface.co/settings/keys",
};

const TELL = "tell those who run the registry";
const LOGIN_HINT = "log in with: docker login";

/**
 * Meets one of the challenges in `header`, a WWW-Authenticate of the registry at `registry`: tokens first.
 * Throws `auth` if that cannot be done, and what the request for a token fails with.
 */
export async function login(
  header: string | null,
  registry: URL,
  signal: AbortSignal,
  options: LoginOptions,
): Promise<Pass> {
  const { challenges, broken } = parseChallenges(header ?? "");
  const problems: Problem[] = [];
  for (const scheme of ["bearer", "basic"]) {
    const meet = scheme === "bearer" ? withToken : withPassword;
    for (const challenge of challenges.filter((challenge) => challenge.scheme === scheme)) {
      const result = await meet(challenge, registry, signal, options);
      if ("authorization" in result) return result;
      problems.push(result);
    }
  }
  throw noAccess(registry.host, problems[0] ?? unanswerable(header, challenges, broken));
}

/** The final failure of a request that `host` wants to see a pass for. */
export function noAccess(host: string, { why, hint }: Problem): PullamaError {
  const message = `${host} has no such model, or it needs access (401): ${why}`;
  return new PullamaError("auth", message, { hint });
}

function unanswerable(
  header: string | null,
  challenges: readonly Challenge[],
  broken: boolean,
): Problem {
  if (header === null || header.trim() === "") {
    const hint =
      "check the spelling; to a private or gated model the registry must give you access";
    return { why: "it does not say how to log in", hint };
  }
  if (broken || challenges.length === 0) {
    return { why: "its WWW-Authenticate header cannot be read", hint: TELL };
  }
  const schemes = challenges.map(({ scheme }) => quoted(scheme, 20)).slice(0, 4).join(", ");
  return { why: `it wants a login that is not known here: ${schemes}`, hint: TELL };
}

async function withPassword(
  _: Challenge,
  registry: URL,
  _signal: AbortSignal,
  { identity, secrets }: LoginOptions,
): Promise<Pass | Problem> {
  const { credentials, trouble } = await findCredentials(registry.host, identity);
  if (!credentials) {
    const wants = "it wants a user name and a password";
    const why = `${wants}, and ${trouble ?? "none are known for it"}`;
    return { why, hint: `${LOGIN_HINT} ${registry.host}` };
  }
  if (!mayCarryPassword(registry)) return PASSWORD_IN_CLEAR;
  const authorization = basicHeader(credentials);
  secrets.add(credentials.password, authorization.slice("Basic ".length));
  const otherwise = refusedPassword(registry.host, credentials.source);
  return { authorization, expires: Infinity, otherwise };
}

const PASSWORD_IN_CLEAR: Problem = {
  why: "it wants a password, and none is sent over plain http",
  hint: "ask it over https: without --insecure",
};

function mayCarryPassword(url: URL): boolean {
  return url.protocol === "https:" || addressKind(url.hostname) === "loopback";
}

function refusedPassword(host: string, source: string): Problem {
  const why = `it does not accept the user name and password from ${source}`;
  return { why, hint: `check them, or ${LOGIN_HINT} ${host}` };
}

/** What a request for a token is made with, and what is to be said if that does not help. */
interface Proof {
  readonly query: Query;
  header(address: string): string;
  readonly otherwise: Problem;
}

/** Who we are comes first, if the token server may know and there is something to show; then nobody. */
async function withToken(
  { parameters }: Challenge,
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
  const inside = standing === "foreign" &&
    await insideReason(realm, registry, options.lookup, signal);
  if (inside) return { why: `it wants a login at ${realm.hostname}, ${inside}`, hint: TELL };

  const proof = standing === "trusted"
    ? await proofFor(parameters, registry, realm, options)
    : foreign(realm);
  let otherwise = "query" in proof ? proof.otherwise : proof;
  if ("query" in proof) {
    const address = tokenAddress(realm, proof.query);
    const answer = await requestToken(address, proof.header(address), signal, options);
    if ("token" in answer) return passFor(answer, otherwise);
    otherwise = explained(otherwise, answer);
  }
  const address = tokenAddress(realm, plainQuery(parameters));
  const answer = await requestToken(address, undefined, signal, options);
  return "token" in answer ? passFor(answer, otherwise) : otherwise;
}

function passFor(
  { token, expires }: { readonly token: string; readonly expires: number },
  otherwise: Problem,
): Pass {
  return { authorization: `Bearer ${token}`, expires, otherwise };
}

/** `problem` with what the token server says of it. */
function explained({ why, hint }: Problem, { reason, clock }: Denied): Problem {
  if (clock === undefined) return { why: `${why} (${reason})`, hint };
  return { why: `${why} (${reason}), and ${clock}`, hint: `set the clock; ${hint}` };
}

async function proofFor(
  parameters: Challenge["parameters"],
  registry: URL,
  realm: URL,
  { identity, secrets, now, onWarning }: LoginOptions,
): Promise<Proof | Problem> {
  const { credentials, trouble } = await findCredentials(registry.host, identity);
  if (credentials) {
    if (!mayCarryPassword(realm)) return PASSWORD_IN_CLEAR;
    const header = basicHeader(credentials);
    secrets.add(credentials.password, header.slice("Basic ".length));
    const otherwise = refusedPassword(registry.host, credentials.source);
    return { query: plainQuery(parameters), header: () => header, otherwise };
  }
  if (trouble !== undefined) {
    return { why: `a password may help, but ${trouble}`, hint: `${LOGIN_HINT} ${registry.host}` };
  }
  if (identity.keyFile === undefined) {
    return { why: "there is no key to log in with", hint: "name a key with PULLAMA_KEY" };
  }
  const page = KEY_PAGES[registry.host];
  const key = await readKey(identity.keyFile);
  if (!("sign" in key)) {
    if (!key.missing) onWarning(key.why, key.hint);
    const hint = page === undefined
      ? key.hint
      : `${key.hint}; then add ${identity.keyFile}.pub at ${page}`;
    return { why: key.why, hint };
  }
  const where = page === undefined ? "tell it to those who run the registry" : `add it at ${page}`;
  return {
    query: signedQuery(parameters, now(), randomBytes(16)),
    header(address) {
      const header = signedHeader(key, address);
      secrets.add(...header.split(":"));
      return header;
    },
    otherwise: {
      why: `it does not accept the key ${key.path}`,
      hint: `the registry has to know its public half, ${key.path}.pub: ${where}`,
    },
  };
}

function foreign(realm: URL): Problem {
  const why = `its logins are at ${realm.host}, which is shown no key and no password`;
  return { why, hint: "only what is public can be had from it" };
}
