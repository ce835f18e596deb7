/** Signed requests for a token, as Ollama makes them: the URL, what is signed, and the header. */

import { Buffer } from "node:buffer";
import type { SigningKey } from "./key.ts";

/** The base64 of the hex SHA-256 of an empty body: requests for tokens have none. */
const NO_BODY =
  "ZTNiMGM0NDI5OGZjMWMxNDlhZmJmNGM4OTk2ZmI5MjQyN2FlNDFlNDY0OWI5MzRjYTQ5NTk5MWI3ODUyYjg1NQ==";

/** Names and values of a query, in any order. */
export type Query = readonly (readonly [name: string, value: string])[];

/** What a token is requested for. */
export interface TokenRequest {
  /** As named by the challenge; "" if it names none. */
  readonly service: string;
  readonly repository: string;
  /** Default: to pull from this repository, and nothing else. */
  readonly push?: Pushing | undefined;
}

/** A token is to push to the repository as well. */
export interface Pushing {
  /** Another repository that a blob is mounted from. */
  readonly from?: string | undefined;
}

/** Parameters that are never taken from the query of a realm. */
const OURS: ReadonlySet<string> = new Set(["service", "scope", "ts", "nonce"]);

/**
 * The URL of `realm` with the rest of its own query and `query`, sorted by name and encoded as Go
 * encodes forms. A URL parser leaves it unchanged, so that what is signed is what is sent.
 */
export function tokenAddress(realm: URL, query: Query): string {
  const own = [...realm.searchParams].filter(([name]) => !OURS.has(name));
  const pairs = [...own, ...query]
    .map(([name, value]) => ({ bytes: Buffer.from(name), name, value }));
  pairs.sort((a, b) => Buffer.compare(a.bytes, b.bytes));
  const written = pairs.map(({ name, value }) => `${encoded(name)}=${encoded(value)}`).join("&");
  return `${realm.origin}${realm.pathname}${written === "" ? "" : `?${written}`}`;
}

/**
 * The query of a signed request: `service` (empty if the challenge has none), `scope`, the time
 * `now` (milliseconds since 1970) and the `nonce`, 16 random bytes.
 */
export function signedQuery(request: TokenRequest, now: number, nonce: Uint8Array): Query {
  return [
    ["service", request.service],
    ...scopesOf(request).map((scope) => ["scope", scope] as const),
    ["ts", String(Math.floor(now / 1000))],
    ["nonce", Buffer.from(nonce).toString("base64url")],
  ];
}

/** The query of an unsigned request. */
export function plainQuery(request: TokenRequest): Query {
  const { service } = request;
  const scopes = scopesOf(request).map((scope) => ["scope", scope] as const);
  return service === "" ? scopes : [["service", service], ...scopes];
}

/** The scope in a challenge is not used: it may name another repository, or more rights. */
function scopesOf({ repository, push }: TokenRequest): readonly string[] {
  const own = `repository:${repository}:pull${push ? ",push" : ""}`;
  return push?.from === undefined ? [own] : [own, `repository:${push.from}:pull`];
}

/**
 * The first part of the scope in a challenge that is more than a push to `repository` needs; undefined: there is none.
 */
export function excessIn(
  scope: string,
  { repository, push }: Pick<TokenRequest, "repository" | "push">,
): string | undefined {
  const mayPull = [repository, push?.from];
  return scope.split(/\s+/).filter((part) => part !== "" && part !== "-").find((part) => {
    const [, name, actions = ""] = /^repository(?:\([^)]*\))?:(.+):([^:]*)$/.exec(part) ?? [];
    const rights = actions.split(",").filter((right) => right !== "");
    if (name === undefined || !mayPull.includes(name)) return true;
    return rights.some((right) => right !== "pull" && !(right === "push" && name === repository));
  });
}

/** The Authorization header of a GET of `address`: public key and signature. */
export function signedHeader(key: SigningKey, address: string): string {
  const signature = key.sign(Buffer.from(`GET,${address},${NO_BODY}`));
  return `${key.publicKey}:${Buffer.from(signature).toString("base64")}`;
}

/** Form encoding that leaves letters, digits and `-_.~` unchanged. */
function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+");
}
