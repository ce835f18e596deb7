/**
 * What fetch and the bodies it returns throw, in our own words. No such failure has a code: what it is
 * stands in the texts of its chain of causes, which differ between versions of Deno (before 2.9 the text
 * is the message itself, since then that of its cause) and name the URL. The URL is cut out before
 * anything is read or kept: it may hold a signature, and any word.
 */

import { type ErrorInfo, PullamaError } from "../../core/errors.ts";
import { certificateError } from "./certificate.ts";
import { addressOf, type Proxy } from "../net/proxy.ts";
import { type ProxyAnswer, proxyError } from "./proxy.ts";

/** How far the request had come: no header had arrived, or some of the body was missing. */
export type Phase = "head" | "body";

/** What is known of a request besides its failure. */
export interface RequestContext {
  /** What it went through. */
  readonly proxy?: Proxy | undefined;
  /** What the proxy has said when it was asked for a connection. */
  readonly answer?: ProxyAnswer | undefined;
  /** Who has issued the certificate that was not accepted. */
  readonly issuer?: string | undefined;
  /** That certificate was the proxy's own. */
  readonly ofProxy?: boolean | undefined;
}

/** Error numbers of Linux, macOS and Windows, whose texts may be in any language. */
const OS_ERRORS = {
  refused: [111, 61, 10061],
  reset: [104, 54, 10054, 32, 10053],
  timedOut: [110, 60, 10060],
  noRoute: [101, 113, 51, 65, 10051, 10065],
} as const;

export const CHECK_NETWORK = "check the network connection, and the proxy if there is one";

/**
 * The failure that `error`, thrown by fetch or by reading a body of `host`, amounts to. A PullamaError,
 * such as the reason of an abort, is returned as it is.
 */
export function networkError(
  error: unknown,
  host: string,
  phase: Phase,
  circumstances: RequestContext = {},
): PullamaError {
  if (error instanceof PullamaError) return error;
  if (error instanceof DOMException && error.name === "AbortError") {
    return new PullamaError("interrupted", `the request to ${host} was cancelled`);
  }
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return new PullamaError("timeout", `${host} was silent for too long`);
  }
  const text = textOf(error);
  const cause = new Error(text);
  if (error instanceof Deno.errors.NotCapable) {
    const hint = `run it with --allow-net=${host}`;
    return new PullamaError("internal", `not permitted to connect to ${host}`, { hint, cause });
  }
  if (error instanceof Deno.errors.BadResource) {
    return new PullamaError("internal", `the request to ${host} failed: ${text}`, { cause });
  }
  const { kind, reason, hint } = errorIn(text, phase, host, circumstances);
  const { proxy } = circumstances;
  const way = proxy ? ` through the proxy ${addressOf(proxy)}` : "";
  const what = phase === "head" ? `cannot reach ${host}${way}` : `lost the connection to ${host}`;
  const options = hint === undefined ? { cause } : { hint, cause };
  return new PullamaError(kind, reason === "" ? what : `${what}: ${reason}`, options);
}

/**
 * Whether the connection ended before an answer: the usual fate of a request on a kept connection that
 * the server has closed meanwhile.
 */
export function endedBeforeAnswer(error: unknown): boolean {
  if (error instanceof PullamaError) return false;
  const text = textOf(error);
  return isOsError(text, "reset") ||
    /connection closed before message completed|SendRequest\): connection error/.test(text);
}

/** Whether the failure is a certificate that was not accepted. */
export function isCertificateError(error: unknown): boolean {
  return textOf(error).includes("invalid peer certificate");
}

/** Whether the failure is that a proxy was asked for a connection and did not give one. */
export function isTunnelError(error: unknown): boolean {
  return textOf(error).includes("unsuccessful tunnel");
}

function errorIn(
  text: string,
  phase: Phase,
  host: string,
  { proxy, answer, issuer, ofProxy }: RequestContext,
): ErrorInfo {
  const hostname = host.replace(/:\d+$/, "");
  const whose = ofProxy ? "the proxy's" : proxy ? `${hostname}'s` : "its";
  const certificate = certificateError(text, `${whose} certificate`, issuer);
  if (certificate) return certificate;
  const atProxy = proxy && proxyError(text, hostname, proxy, answer);
  if (atProxy) return atProxy;
  if (text.includes("InvalidContentType")) {
    const hint = "if it is a registry without TLS, use --insecure";
    const who = proxy?.protocol === "https:" ? "it or the proxy" : "it";
    return { kind: "tls", reason: `${who} does not speak TLS`, hint };
  }
  const [, blocked] = /Requests to port (\d+) are blocked/.exec(text) ?? [];
  if (blocked) return { kind: "refused", reason: `port ${blocked} is not open to web requests` };
  if (/Invalid URL|not supported/.test(text)) {
    return { kind: "refused", reason: "no request can be made to it" };
  }
  if (text.includes("dns error")) {
    const hint =
      "check the spelling of the host, the network connection, and the proxy if there is one";
    return { kind: "network", reason: "the name of the host cannot be resolved", hint };
  }
  // Nobody else is connected to where there is a proxy.
  const hint = proxy ? `check the network connection and ${proxy.variable}` : CHECK_NETWORK;
  if (isOsError(text, "refused") || text.includes("Connection refused")) {
    const reason = proxy ? "the proxy refuses the connection" : "connection refused";
    return { kind: "network", reason, hint };
  }
  if (isOsError(text, "timedOut")) {
    const reason = `the connection${proxy ? " to the proxy" : ""} timed out`;
    return { kind: "network", reason, hint };
  }
  if (isOsError(text, "noRoute")) {
    return { kind: "network", reason: `no route to ${proxy ? "the proxy" : "it"}`, hint };
  }
  if (isOsError(text, "reset")) return { kind: "network", reason: "connection reset" };
  if (phase === "body") return { kind: "network", reason: "" };
  if (text.includes("connection closed before message completed")) {
    return { kind: "network", reason: "the connection ended before the answer" };
  }
  const [, odd] = /SendRequest\): (invalid .*|message head is too large)/.exec(text) ?? [];
  if (odd) return { kind: "protocol", reason: `it does not answer as a web server: ${odd}` };
  const reason = /client error \(\w+\): (.*)$/.exec(text)?.[1] ?? text;
  return { kind: "network", reason, hint };
}

function isOsError(text: string, which: keyof typeof OS_ERRORS): boolean {
  const [, number] = /\(os error (\d+)\)/.exec(text) ?? [];
  return number !== undefined && OS_ERRORS[which].some((known) => known === Number(number));
}

/** The messages of the whole chain of causes on one line, each once, without URLs. */
function textOf(error: unknown): string {
  const messages: string[] = [];
  for (let link = error; link instanceof Error && messages.length < 8; link = link.cause) {
    const message = link.message.replaceAll(/\b[a-z][a-z0-9+.-]*:\/\/\S*/gi, "(url)");
    if (!messages.some((known) => known.includes(message))) messages.push(message);
  }
  const text = messages.length > 0 ? messages.join(": ") : String(error);
  return text.replaceAll(/\p{Cc}+/gu, " ").slice(0, 500);
}
