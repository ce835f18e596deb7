/** Asking for a token with a signature, as Ollama does: the address, what is signed, and the header. */

import { Buffer } from "node:buffer";
import type { SigningKey } from "./key.ts";

/** The base64 of the hex digits of the sha256 of no bytes: requests for tokens have no body. */
const NO_BODY =
  "ZTNiMGM0NDI5OGZjMWMxNDlhZmJmNGM4OTk2ZmI5MjQyN2FlNDFlNDY0OWI5MzRjYTQ5NTk5MWI3ODUyYjg1NQ==";

/** Names and values of a query, in any order. */
export type Query = readonly (readonly [name: string, value: string])[];

/**
 * The address of `realm` with its own query and `query`, sorted by name and encoded as Go encodes forms.
 * It is in the one form that a URL parser leaves as it is, so that what is signed is what is sent.
 */
export function tokenAddress(realm: URL, query: Query): string {
  const pairs = [...realm.searchParams, ...query]
    .map(([name, value]) => ({ bytes: Buffer.from(name), name, value }));
  pairs.sort((a, b) => Buffer.compare(a.bytes, b.bytes));
  const written = pairs.map(({ name, value }) => `${encoded(name)}=${encoded(value)}`).join("&");
  return `${realm.origin}${realm.pathname}${written === "" ? "" : `?${written}`}`;
}

/**
 * What a signed request asks for: `service`, every part of `scope`, the time `now` (milliseconds since
 * 1970) and the `nonce`, 16 random bytes. What the challenge did not name is there without a value.
 */
export function signedQuery(
  challenge: ReadonlyMap<string, string>,
  now: number,
  nonce: Uint8Array,
): Query {
  const scopes = (challenge.get("scope") ?? "").split(" ");
  return [
    ["service", challenge.get("service") ?? ""],
    ...scopes.map((scope) => ["scope", scope] as const),
    ["ts", String(Math.floor(now / 1000))],
    ["nonce", Buffer.from(nonce).toString("base64url")],
  ];
}

/** What a request without a signature asks for: only what the challenge names. */
export function plainQuery(challenge: ReadonlyMap<string, string>): Query {
  const scopes = (challenge.get("scope") ?? "").split(" ").map((scope) =>
    ["scope", scope] as const
  );
  const all: Query = [["service", challenge.get("service") ?? ""], ...scopes];
  return all.filter(([_, value]) => value !== "");
}

/** The Authorization header of a GET of `address`, which holds public key and signature. */
export function signedHeader(key: SigningKey, address: string): string {
  const signature = key.sign(Buffer.from(`GET,${address},${NO_BODY}`));
  return `${key.publicKey}:${Buffer.from(signature).toString("base64")}`;
}

/** Form encoding that leaves letters, digits and `-_.~` as they are. */
function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+");
}
