/** What the user can show to a registry or its token server, and what to tell them if it does not help. */

import { randomBytes } from "node:crypto";
import { addressKind } from "../../core/address.ts";
import type { Challenge } from "./challenge.ts";
import { basicHeader, findPassword, type PasswordSources } from "./docker_config.ts";
import { readKey } from "./key.ts";
import type { Secrets } from "./redact.ts";
import { plainQuery, type Query, signedHeader, signedQuery } from "./signature.ts";

/** What a user can log in with. Files are read when they are needed, each time anew. */
export interface Identity extends PasswordSources {
  /** The path of a private key. */
  readonly keyFile?: string;
}

/** What those should know who get no access. */
export interface AccessProblem {
  /** The rest of a sentence that says that the registry gives no access. */
  readonly reason: string;
  /** What to do. */
  readonly hint: string;
  /** Worth to be told even if it does not matter in the end. */
  readonly surprising?: boolean;
}

/** What a request is made with that says who asks. */
export interface Credential {
  readonly query: Query;
  /** The Authorization of a GET of `address`. */
  header(address: string): string;
  /** It holds the time of this machine's clock. */
  readonly signed: boolean;
  /** What is to be said if it is not accepted. */
  readonly ifRejected: AccessProblem;
}

export interface CredentialOptions {
  readonly identity: Identity;
  readonly secrets: Secrets;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Where users of these registries tell them about a key. */
const KEY_PAGES: Readonly<Record<string, string>> = {
  "registry.ollama.ai": "https://ollama.com/settings/keys",
  "ollama.com": "https://ollama.com/settings/keys",
  "hf.co": "https://huggingface.co/settings/keys",
  "huggingface.co": "https://huggingface.co/settings/keys",
};

const VARIABLES = "set PULLAMA_REGISTRY_HOST, PULLAMA_REGISTRY_USER and PULLAMA_REGISTRY_PASSWORD";

type Parameters = Challenge["parameters"];

/**
 * What to show to a token server at `realm` that may know who asks, for the registry at `registry`: user
 * name and password if there are any, else a signature.
 */
export async function tokenCredential(
  parameters: Parameters,
  registry: URL,
  realm: URL,
  options: CredentialOptions,
): Promise<Credential | AccessProblem> {
  const password = await passwordCredential(parameters, registry, realm, options);
  if ("query" in password) return password;
  const { identity: { keyFile }, secrets, now } = options;
  const page = KEY_PAGES[registry.host];
  if (keyFile === undefined) return password;
  const key = await readKey(keyFile);
  if (!("sign" in key)) {
    const surprising = !key.missing;
    if (page === undefined) {
      return { reason: `${password.reason}, and ${key.reason}`, hint: password.hint, surprising };
    }
    return {
      reason: key.reason,
      hint: `${key.hint}; then add its .pub file at ${page}`,
      surprising,
    };
  }
  const todo = page === undefined ? "tell it to those who run the registry" : `add it at ${page}`;
  return {
    query: signedQuery(parameters, now(), randomBytes(16)),
    header(address) {
      const header = signedHeader(key, address);
      secrets.add(...header.split(":"));
      return header;
    },
    signed: true,
    ifRejected: {
      reason: `it does not accept the key ${keyFile}`,
      hint: `the registry has to know its public half, ${keyFile}.pub: ${todo}`,
    },
  };
}

/** User name and password for the registry at `registry`, fit to be sent to `target`. */
export async function passwordCredential(
  parameters: Parameters,
  registry: URL,
  target: URL,
  { identity, secrets }: CredentialOptions,
): Promise<Credential | AccessProblem> {
  const { credentials, problem } = await findPassword(registry.host, identity);
  const login = `docker login ${registry.host}, or ${VARIABLES}`;
  if (!credentials) {
    const reason = `it wants a user name and a password, and ${problem ?? "none are known for it"}`;
    return { reason, hint: `log in with: ${login}` };
  }
  if (target.protocol !== "https:" && addressKind(target.hostname) !== "loopback") {
    const reason = "it wants a password, and none is sent over plain http";
    return { reason, hint: "ask it over https, without --insecure" };
  }
  const header = basicHeader(credentials);
  secrets.add(credentials.password, header.slice("Basic ".length));
  const reason = `it does not accept the user name and password from ${credentials.source}`;
  return {
    query: plainQuery(parameters),
    header: () => header,
    signed: false,
    ifRejected: { reason, hint: `check them, or log in with: ${login}` },
  };
}
