/** What goes wrong at a proxy, in words. */

import type { ErrorInfo } from "../../core/errors.ts";
import { addressOf, type Proxy } from "../net/proxy.ts";

/** How a proxy has answered when it was asked to connect us to a host. */
export interface ProxyAnswer {
  readonly status: number;
  /** What stands behind the status in its answer. */
  readonly words: string;
}

/** Answers of SOCKS proxies about the way from them to the host. */
const FAR_SIDE =
  /General SOCKS server failure|Network unreachable|Host unreachable|Connection refused$|TTL expired/;
const NO_PROXY_THERE = /Invalid response version|Invalid reserved byte|invalid HTTP version/;

/**
 * The trouble in `text`, if it arose at `proxy` on the way to `hostname`. `answer` is what the proxy has said to
 * a CONNECT, where that is known.
 */
export function proxyError(
  text: string,
  hostname: string,
  proxy: Proxy,
  answer: ProxyAnswer | undefined,
): ErrorInfo | undefined {
  const { variable } = proxy;
  const checkHint =
    `check ${variable}, or name ${hostname} in NO_PROXY if it can be reached directly`;
  const askHint = `ask those who run the proxy, or name ${hostname} in NO_PROXY`;
  // Of a tunnel nobody but the proxy speaks, and tinyproxy says 401 to a wrong password.
  if (
    answer?.status === 401 || answer?.status === 407 ||
    /proxy authentication required|No acceptable auth methods|Password auth failure|Authorization required/
      .test(text)
  ) return wantsLogin(proxy);
  if (answer !== undefined && answer.status >= 300) {
    const reason = `the proxy answers ${answer.status}${answer.words && ` ${answer.words}`}`;
    const final = answer.status < 500 && ![408, 425, 429].includes(answer.status);
    return { kind: final ? "refused" : "unavailable", reason, hint: askHint };
  }
  if (text.includes("Connection not allowed by ruleset")) {
    return { kind: "refused", reason: "the proxy does not allow it", hint: askHint };
  }
  if (text.includes("unsuccessful tunnel")) {
    return { kind: "network", reason: "the proxy does not connect to it", hint: askHint };
  }
  const [far] = FAR_SIDE.exec(text) ?? [];
  if (far !== undefined && isSocks(proxy)) {
    const reason = `the proxy cannot connect to it: ${far}`;
    return { kind: "network", reason, hint: askHint };
  }
  if (text.includes("unexpected eof while tunneling")) {
    return { kind: "network", reason: "the proxy ended the connection", hint: checkHint };
  }
  if (NO_PROXY_THERE.test(text)) {
    return { kind: "protocol", reason: "it does not answer as a proxy", hint: checkHint };
  }
  if (text.includes("Proxy server unreachable")) {
    return { kind: "network", reason: "the proxy cannot be reached", hint: checkHint };
  }
  if (text.includes("failed to lookup address")) {
    return { kind: "network", reason: "the name of the proxy cannot be resolved", hint: checkHint };
  }
  return undefined;
}

function wantsLogin(proxy: Proxy): ErrorInfo {
  const { login, variable } = proxy;
  return {
    kind: "auth",
    reason: login === undefined
      ? "the proxy wants a user name and a password"
      : "the proxy does not accept the user name and the password",
    hint: `put them into ${variable} in front of the host: user:password@${addressOf(proxy)}`,
  };
}

function isSocks({ protocol }: Proxy): boolean {
  return protocol.startsWith("socks5");
}
