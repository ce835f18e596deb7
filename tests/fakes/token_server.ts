/**
 * Adds authentication to a fake registry: Basic, or tokens from a token server that checks
 * signatures like Ollama's.
 */

import { createHash, createPublicKey, verify } from "node:crypto";
import { Buffer } from "node:buffer";
import type { Fault } from "./faults.ts";
import { registryError } from "./faults.ts";
import type { Registry } from "./registry.ts";
import type { LoggedRequest } from "./wire.ts";

const PATH = "/token";
/** Tolerance for the time in a signature, in seconds. */
const TOLERANCE = 300;

export interface TokenServerOptions {
  /** Accepted public keys as in a `.pub` file; absent: no signature is accepted. */
  readonly keys?: readonly string[];
  /** Accepted `user:password`. */
  readonly login?: string;
  /** Whether anonymous requests get a valid token. */
  readonly anonymous?: boolean;
  /** Whether all requests get a token, an invalid one if authentication fails. */
  readonly generous?: boolean;
  readonly service?: string;
  /** `expires_in` of tokens in seconds; absent: no such field. */
  readonly life?: number;
  /** Milliseconds that its clock is ahead. */
  readonly ahead?: number;
  /** The realm in the challenge; default its own URL. */
  readonly realm?: string;
  /** A response to send before the request is checked. */
  readonly fault?: (request: LoggedRequest, n: number) => Fault | undefined;
}

export interface TokenServer {
  /** Token requests, and the number of valid tokens. */
  readonly asked: readonly LoggedRequest[];
  readonly issued: number;
  /** All issued tokens, valid or not. */
  readonly tokens: readonly string[];
  /** Expires all tokens. */
  expireAll(): void;
}

/** Makes `registry` require a token of the returned server for manifests and blobs. */
export function demandTokens(registry: Registry, options: TokenServerOptions): TokenServer {
  const { service = "fake", ahead = 0, realm = `${registry.url}${PATH}` } = options;
  const good = new Set<string>();
  const tokens: string[] = [];
  const nonces = new Set<string>();
  const isToken = ({ path }: LoggedRequest) => path === PATH;
  const date = () => new Date(Date.now() + ahead).toUTCString();

  const knows = (request: LoggedRequest): boolean => {
    const header = request.headers.get("authorization");
    if (header === null) return options.anonymous ?? false;
    if (header.startsWith("Basic ")) {
      return Buffer.from(header.slice(6), "base64").toString() === options.login;
    }
    const nonce = request.query.get("nonce") ?? "";
    const late = Math.abs(Number(request.query.get("ts")) - (Date.now() + ahead) / 1000);
    const fresh = late <= TOLERANCE && Buffer.from(nonce, "base64url").length === 16 &&
      !nonces.has(nonce);
    nonces.add(nonce);
    return fresh && options.keys?.includes(signerOf(registry, request, header) ?? "") === true;
  };

  const token = (request: LoggedRequest, n: number): Fault => {
    const fault = options.fault?.(request, n);
    if (fault) return fault;
    const known = knows(request);
    if (!known && !options.generous) {
      const refusal = registryError(401, "UNAUTHORIZED", "unknown to the token server");
      return { ...refusal, headers: { ...refusal.headers, date: date() } };
    }
    const made = `t0k3n.${crypto.randomUUID()}`;
    tokens.push(made);
    if (known) good.add(made);
    const body = JSON.stringify({ token: made, expires_in: options.life });
    return { status: 200, headers: { "content-type": "application/json" }, body };
  };

  const guard = (request: LoggedRequest): Fault | undefined => {
    const [, bearer = ""] = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
    if (good.has(bearer)) return undefined;
    const [, repository] = /^\/v2\/(.+)\/(?:manifests|blobs)\//.exec(request.path) ?? [];
    const scope = `repository:${repository}:pull`;
    const challenge = `Bearer realm="${realm}",service="${service}",scope="${scope}"`;
    return challenged(challenge, date());
  };

  registry.faults.manifest = guard;
  registry.faults.blob = guard;
  registry.faults.other = (request, n) => isToken(request) ? token(request, n) : undefined;
  return {
    get asked() {
      return registry.requests.filter(isToken);
    },
    get issued() {
      return good.size;
    },
    tokens,
    expireAll: () => good.clear(),
  };
}

/** Makes `registry` require this `user:password` for manifests and blobs. */
export function demandBasic(registry: Registry, login: string): void {
  const expected = `Basic ${btoa(login)}`;
  const guard = ({ headers }: LoggedRequest) =>
    headers.get("authorization") === expected
      ? undefined
      : challenged('Basic realm="fake"', new Date().toUTCString());
  registry.faults.manifest = guard;
  registry.faults.blob = guard;
}

/** A 401 with `challenge`, or without a challenge if that is undefined. */
export function challenged(challenge: string | undefined, date?: string): Fault {
  const refusal = registryError(401, "UNAUTHORIZED", "authentication required");
  return { ...refusal, headers: { ...refusal.headers, "www-authenticate": challenge, date } };
}

/** The public key that signed exactly this request; undefined if the signature is invalid. */
function signerOf(registry: Registry, request: LoggedRequest, header: string): string | undefined {
  const [publicText = "", signature = ""] = header.split(":");
  const blob = Buffer.from(publicText, "base64");
  if (blob.length !== 51 || blob.subarray(4, 15).toString() !== "ssh-ed25519") return undefined;
  const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), blob.subarray(19)]);
  const key = createPublicKey({ key: spki, format: "der", type: "spki" });
  const nothing = Buffer.from(createHash("sha256").digest("hex")).toString("base64");
  const { protocol } = new URL(registry.url);
  const address = `${protocol}//${request.headers.get("host")}${request.target}`;
  const signed = Buffer.from(`${request.method},${address},${nothing}`);
  return verify(null, signed, key, Buffer.from(signature, "base64")) ? publicText : undefined;
}
