/** Explains errors at a proxy. */

import type { ErrorInfo } from "../../core/errors.ts";
import { addressOf, type Proxy } from "../net/proxy.ts";

/** What getaddrinfo of Unix says, and the numbers of Windows. */
const UNRESOLVED = /failed to lookup address|\(os error 1100[1-4]\)/;

/** The response of a proxy to a CONNECT. */
export interface ProxyResponse {
  readonly status: number;
  /** The reason phrase after the status; "" if there is none. */
  readonly phrase: string;
}

/** Who may have sent a response: the host, or the proxy that received the request in its place. */
export function responderOf(host: string, proxy: Proxy | undefined): string {
  return proxy ? `${host} or the proxy ${addressOf(proxy)}` : host;
}

/** What to do about an error response that the proxy may have sent. */
export function responderHint(hostname: string, proxy: Proxy | undefined): string | undefined {
  return proxy && `if the proxy sent this, check ${proxy.variable}, or add ${hostname} to NO_PROXY`;
}

/** Replies of SOCKS proxies about the connection from them to the host. */
const FAR_SIDE =
  /General SOCKS server failure|Network unreachable|Host unreachable|Connection refused$|TTL expired/;
const NOT_A_PROXY = /Invalid response version|Invalid reserved byte|invalid HTTP version/;

/**
 * The error in `text`, if it occurred at `proxy` while connecting to `hostname`. `response` is that
 * of the proxy to a CONNECT, if known.
 */
export function proxyError(
  text: string,
  hostname: string,
  proxy: Proxy,
  response: ProxyResponse | undefined,
): ErrorInfo | undefined {
  const { variable } = proxy;
  const checkHint =
    `check ${variable}, or add ${hostname} to NO_PROXY if it can be reached directly`;
  const askHint = `contact the proxy's operator, or add ${hostname} to NO_PROXY`;
  // Only the proxy responds to a CONNECT, and tinyproxy sends 401 for a wrong password.
  if (
    response?.status === 401 || response?.status === 407 ||
    /proxy authentication required|No acceptable auth methods|Password auth failure|Authorization required/
      .test(text)
  ) return authenticationError(proxy);
  if (response !== undefined && response.status >= 300) {
    const { status, phrase } = response;
    const reason = `the proxy responded with ${status}${phrase && ` ${phrase}`}`;
    const final = status < 500 && ![408, 425, 429].includes(status);
    return { kind: final ? "refused" : "unavailable", reason, hint: askHint };
  }
  if (text.includes("Connection not allowed by ruleset")) {
    return { kind: "refused", reason: "the proxy does not allow the connection", hint: askHint };
  }
  if (text.includes("unsuccessful tunnel")) {
    return { kind: "network", reason: "the proxy did not open a tunnel", hint: askHint };
  }
  const [far] = FAR_SIDE.exec(text) ?? [];
  if (far !== undefined && isSocks(proxy)) {
    const reason = `the proxy cannot connect to the host: ${far}`;
    return { kind: "network", reason, hint: askHint };
  }
  if (text.includes("unexpected eof while tunneling")) {
    return { kind: "network", reason: "the proxy closed the connection", hint: checkHint };
  }
  if (NOT_A_PROXY.test(text)) {
    return { kind: "protocol", reason: "invalid response from the proxy", hint: checkHint };
  }
  if (text.includes("Proxy server unreachable")) {
    return { kind: "network", reason: "the proxy cannot be reached", hint: checkHint };
  }
  if (UNRESOLVED.test(text)) {
    return {
      kind: "network",
      reason: "the host name of the proxy cannot be resolved",
      hint: checkHint,
    };
  }
  return undefined;
}

function authenticationError(proxy: Proxy): ErrorInfo {
  const { login, variable } = proxy;
  return {
    kind: "auth",
    reason: login === undefined
      ? "proxy authentication required"
      : "the proxy rejected the user name and password",
    hint: `set user name and password in ${variable}: user:password@${addressOf(proxy)}`,
  };
}

function isSocks({ protocol }: Proxy): boolean {
  return protocol.startsWith("socks5");
}
