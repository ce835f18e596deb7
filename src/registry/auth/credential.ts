/** The user's credentials for a registry, and what to report if they are rejected. */

import { randomBytes } from "node:crypto";
import { addressKind } from "../../core/address.ts";
import { basicHeader, findPassword, type PasswordSources } from "./docker_config.ts";
import { readKey } from "./key.ts";
import type { Secrets } from "./redact.ts";
import {
  plainQuery,
  type Query,
  signedHeader,
  signedQuery,
  type TokenRequest,
} from "./signature.ts";

/** What a user can log in with. */
export interface Identity extends PasswordSources {
  /** The path of a private key. */
  readonly keyFile?: string;
  /** Hosts, with their port unless it is the default, that get the login of a registry elsewhere. */
  readonly tokenHosts?: readonly string[];
}

/** Why access was refused, and what to do about it. */
export interface AccessProblem {
  /** Completes a message such as "authentication required (401): …". */
  readonly reason: string;
  /** What to do. */
  readonly hint: string;
  /** Worth a warning even if access is granted. */
  readonly surprising?: boolean;
}

/** What authenticates a request. */
export interface Credential {
  readonly query: Query;
  /** The Authorization header of a GET of `address`. */
  header(address: string): string;
  /** It contains the time of this machine's clock. */
  readonly signed: boolean;
  /** What to report if it is rejected. */
  readonly ifRejected: AccessProblem;
}

export interface CredentialOptions {
  readonly identity: Identity;
  readonly secrets: Secrets;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Where users of these registries add a key. */
const KEY_PAGES: Readonly<Record<string, string>> = {
  "registry.ollama.ai": "https://ollama.com/settings/keys",
  "ollama.com": "https://ollama.com/settings/keys",
  "hf.co": "https://huggingface.co/settings/keys",
  "huggingface.co": "https://huggingface.co/settings/keys",
};

/**
 * What a mirror at `url` may have of `identity`: user name and password for its own host, but no signature, unless it is
 * itself a registry where users add their key.
 */
export function identityAtMirror(
  { keyFile, ...others }: Identity,
  { host, protocol }: URL,
): Identity {
  const known = protocol === "https:" && Object.hasOwn(KEY_PAGES, host);
  return { ...others, ...(known && keyFile !== undefined && { keyFile }) };
}

const VARIABLES = "set PULLAMA_REGISTRY_HOST, PULLAMA_REGISTRY_USER and PULLAMA_REGISTRY_PASSWORD";

/**
 * The credential for a trusted token server at `realm` of the registry at `registry`: user name and
 * password if there are any, else a signature. Nothing is signed for a registry that is accessed
 * over plain http: anyone in between could have asked for it, and would see the token.
 */
export async function tokenCredential(
  request: TokenRequest,
  registry: URL,
  realm: URL,
  options: CredentialOptions,
): Promise<Credential | AccessProblem> {
  const password = await passwordCredential(request, registry, realm, options);
  if ("query" in password || registry.protocol !== "https:") return password;
  const { identity: { keyFile, read }, secrets, now } = options;
  const page = KEY_PAGES[registry.host];
  if (keyFile === undefined) return password;
  const key = await readKey(keyFile, read);
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
  const publicKey = `its public key ${keyFile}.pub`;
  const nonce = randomBytes(16);
  secrets.add(nonce.toString("base64url"));
  return {
    query: signedQuery(request, now(), nonce),
    header(address) {
      const header = signedHeader(key, address);
      secrets.add(...header.split(":"));
      return header;
    },
    signed: true,
    ifRejected: {
      reason: `the key ${keyFile} was rejected`,
      hint: page === undefined
        ? `log in with: docker login ${registry.host}; or send ${publicKey} to the registry's operator`
        : `add ${publicKey} at ${page}`,
    },
  };
}

/**
 * User name and password for the registry at `registry`, if they may be sent to `target`, and what
 * they give access to may be sent to the registry.
 */
export async function passwordCredential(
  request: TokenRequest,
  registry: URL,
  target: URL,
  { identity, secrets }: CredentialOptions,
): Promise<Credential | AccessProblem> {
  if ([registry, target].some(isReadable)) {
    const reason = "credentials are not sent over plain http";
    return { reason, hint: "use https, without --insecure" };
  }
  const { credentials, problem, loginIsUseless } = await findPassword(registry.host, identity);
  const login = `docker login ${registry.host}, or ${VARIABLES}`;
  if (!credentials) {
    const reason = `user name and password required, but ${problem ?? "none are configured"}`;
    return { reason, hint: loginIsUseless ? VARIABLES : `log in with: ${login}` };
  }
  const header = basicHeader(credentials);
  secrets.add(credentials.password, header.slice("Basic ".length));
  const reason = `the user name and password from ${credentials.source} were rejected`;
  return {
    query: plainQuery(request),
    header: () => header,
    signed: false,
    ifRejected: { reason, hint: `check them, or log in with: ${login}` },
  };
}

/** Whether others can read what is sent there: plain http to another machine. */
function isReadable(url: URL): boolean {
  return url.protocol !== "https:" && addressKind(url.hostname) !== "loopback";
}
