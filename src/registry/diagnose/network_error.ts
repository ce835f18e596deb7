/**
 * Turns errors of fetch and of the bodies it returns into PullamaErrors. They have no code: what
 * happened is in the messages of the chain of causes, which differ between versions of Deno (before
 * 2.9 it is the message itself, since then that of its cause) and contain the URL. The URL is
 * removed before anything is matched or kept: it may hold a signature, and any text.
 */

import { type ErrorInfo, PullamaError } from "../../core/errors.ts";
import { oneLine } from "../../core/quote.ts";
import { certificateError } from "./certificate.ts";
import { addressOf, type Proxy } from "../net/proxy.ts";
import { proxyError, type ProxyResponse } from "./proxy.ts";
import { handshakeError, type Spoken, wrongProtocolError } from "./protocol.ts";

/** How far the request had come: before the headers, or in the body. */
export type Phase = "head" | "body";

/** What is known about a request besides its error. */
export interface RequestContext {
  /** The proxy of the request. */
  readonly proxy?: Proxy | undefined;
  /** The response of the proxy to a CONNECT. */
  readonly response?: ProxyResponse | undefined;
  /** The issuer of the rejected certificate. */
  readonly issuer?: string | undefined;
  /** The rejected certificate is that of the proxy. */
  readonly ofProxy?: boolean | undefined;
  /** What the other end of the connection speaks, if it is not what was expected. */
  readonly spoken?: Spoken | undefined;
}

/** Error numbers of Linux, macOS and Windows, whose messages may be localized. */
const OS_ERRORS = {
  refused: [111, 61, 10061],
  reset: [104, 54, 10054, 32, 10053],
  timedOut: [110, 60, 10060],
  noRoute: [101, 113, 51, 65, 10051, 10065],
} as const;

export const CHECK_NETWORK = "check the network connection, and the proxy if there is one";

/**
 * The PullamaError for `error`, which fetch or reading a body of `host` has thrown. A PullamaError,
 * such as the reason of an abort, is returned unchanged.
 */
export function networkError(
  error: unknown,
  host: string,
  phase: Phase,
  context: RequestContext = {},
): PullamaError {
  if (error instanceof PullamaError) return error;
  if (error instanceof DOMException && error.name === "AbortError") {
    return new PullamaError("interrupted", `the request to ${host} was cancelled`);
  }
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return new PullamaError("timeout", `no data received from ${host} in time`);
  }
  const text = textOf(error);
  const cause = new Error(text);
  if (error instanceof Deno.errors.NotCapable) {
    const hint = `run with --allow-net=${host}`;
    return new PullamaError("internal", `permission denied to connect to ${host}`, { hint, cause });
  }
  if (error instanceof Deno.errors.BadResource) {
    return new PullamaError("internal", `the request to ${host} failed: ${text}`, { cause });
  }
  const { kind, reason, hint } = errorIn(text, phase, host, context);
  const { proxy } = context;
  const via = proxy ? ` through the proxy ${addressOf(proxy)}` : "";
  const what = phase === "head" ? `cannot reach ${host}${via}` : `lost the connection to ${host}`;
  const options = hint === undefined ? { cause } : { hint, cause };
  return new PullamaError(kind, reason === "" ? what : `${what}: ${reason}`, options);
}

/**
 * Whether the connection was closed before a response: common for a request on a kept connection
 * that the server has closed meanwhile.
 */
export function closedBeforeResponse(error: unknown): boolean {
  if (error instanceof PullamaError) return false;
  const text = textOf(error);
  return isOsError(text, "reset") ||
    /connection closed before message completed|SendRequest\): connection error/.test(text);
}

/** Whether a certificate was rejected. */
export function isCertificateError(error: unknown): boolean {
  return textOf(error).includes("invalid peer certificate");
}

/** Whether a proxy did not open the tunnel that it was asked for. */
export function isTunnelError(error: unknown): boolean {
  return textOf(error).includes("unsuccessful tunnel");
}

function errorIn(
  text: string,
  phase: Phase,
  host: string,
  { proxy, response, issuer, ofProxy, spoken }: RequestContext,
): ErrorInfo {
  if (spoken) return wrongProtocolError(spoken, proxy);
  const hostname = host.replace(/:\d+$/, "");
  const whose = ofProxy ? "the proxy's" : proxy ? `${hostname}'s` : "its";
  const certificate = certificateError(text, `${whose} certificate`, issuer);
  if (certificate) return certificate;
  const atProxy = proxy && proxyError(text, hostname, proxy, response);
  if (atProxy) return atProxy;
  if (text.includes("InvalidContentType")) return wrongProtocolError("http", undefined);
  const handshake = handshakeError(text);
  if (handshake) return handshake;
  const [, blocked] = /Requests to port (\d+) are blocked/.exec(text) ?? [];
  if (blocked) return { kind: "refused", reason: `requests to port ${blocked} are blocked` };
  if (/Invalid URL|not supported/.test(text)) {
    return { kind: "refused", reason: "invalid or unsupported URL" };
  }
  if (text.includes("dns error")) {
    const hint =
      "check the spelling of the host, the network connection, and the proxy if there is one";
    return { kind: "network", reason: "the host name cannot be resolved", hint };
  }
  // With a proxy, the only connection is the one to the proxy.
  const hint = proxy ? `check the network connection and ${proxy.variable}` : CHECK_NETWORK;
  if (isOsError(text, "refused") || text.includes("Connection refused")) {
    const reason = proxy ? "connection refused by the proxy" : "connection refused";
    return { kind: "network", reason, hint };
  }
  if (isOsError(text, "timedOut")) {
    const reason = `connection${proxy ? " to the proxy" : ""} timed out`;
    return { kind: "network", reason, hint };
  }
  if (isOsError(text, "noRoute")) {
    return { kind: "network", reason: `no route to ${proxy ? "the proxy" : "host"}`, hint };
  }
  if (text.includes("tls handshake eof")) {
    const reason = "connection closed during the TLS handshake";
    return { kind: "network", reason, hint: `${hint}; a registry without TLS needs --insecure` };
  }
  if (isOsError(text, "reset")) return { kind: "network", reason: "connection reset" };
  if (phase === "body") return { kind: "network", reason: "" };
  if (text.includes("connection closed before message completed")) {
    return { kind: "network", reason: "connection closed before a response" };
  }
  const [, odd] = /SendRequest\): (invalid .*|message head is too large)/.exec(text) ?? [];
  if (odd) return { kind: "protocol", reason: `invalid HTTP response: ${odd}` };
  const reason = /client error \(\w+\): (.*)$/.exec(text)?.[1] ?? text;
  return { kind: "network", reason, hint };
}

function isOsError(text: string, which: keyof typeof OS_ERRORS): boolean {
  const [, number] = /\(os error (\d+)\)/.exec(text) ?? [];
  return number !== undefined && OS_ERRORS[which].some((known) => known === Number(number));
}

/** The messages of the chain of causes on one line, without duplicates and URLs. */
function textOf(error: unknown): string {
  const messages: string[] = [];
  for (let link = error; link instanceof Error && messages.length < 8; link = link.cause) {
    const message = link.message.replaceAll(/\b[a-z][a-z0-9+.-]*:\/\/\S*/gi, "(url)");
    if (!messages.some((known) => known.includes(message))) messages.push(message);
  }
  const text = messages.length > 0 ? messages.join(": ") : String(error);
  return oneLine(text).slice(0, 500);
}
