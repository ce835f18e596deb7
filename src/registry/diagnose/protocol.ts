/** Explains connections to something that speaks another protocol, or another version of it. */

import type { ErrorInfo } from "../../core/errors.ts";
import { addressOf, type Proxy } from "../net/proxy.ts";

/** What a port speaks: plain HTTP, or TLS. */
export type Spoken = "http" | "tls";

/** The error for a connection to a port that speaks `spoken`: of the proxy, if there is one. */
export function wrongProtocolError(spoken: Spoken, proxy: Proxy | undefined): ErrorInfo {
  const kind = "tls";
  if (!proxy) {
    return spoken === "tls"
      ? {
        kind,
        reason: "it speaks TLS, not plain http",
        hint: "use https: leave out --insecure and http://",
      }
      : {
        kind,
        reason: "it does not speak TLS",
        hint: "use --insecure for a registry without TLS",
      };
  }
  const { variable } = proxy;
  const address = addressOf(proxy);
  return spoken === "tls"
    ? {
      kind,
      reason: "the proxy speaks TLS, not plain http",
      hint: `begin the value of ${variable} with https://, as in https://${address}`,
    }
    : {
      kind,
      reason: "the proxy does not speak TLS",
      hint:
        `begin the value of ${variable} with http://, as in http://${address}: the connection ` +
        "to the registry uses TLS all the same",
    };
}

/** The error in `text`, if client and server have no version of TLS or no cipher in common. */
export function handshakeError(text: string): ErrorInfo | undefined {
  const hint = "TLS 1.2 or 1.3 is required: update the server, or contact its operator";
  if (/fatal alert: ProtocolVersion|ServerDoesNotSupportTls12Or13/.test(text)) {
    return { kind: "tls", reason: "the server has no TLS version after 1.1", hint };
  }
  if (/fatal alert: (HandshakeFailure|InsufficientSecurity)|NoCipherSuitesInCommon/.test(text)) {
    return { kind: "tls", reason: "no TLS cipher in common with the server", hint };
  }
  return undefined;
}
