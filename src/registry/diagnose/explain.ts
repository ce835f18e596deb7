/**
 * Diagnoses a failed request. fetch reports neither the issuer of a certificate nor the response of
 * a proxy: both are obtained over another connection, which is closed at once. No request is sent
 * on it, and the findings are used for messages only.
 */

import { addressKind } from "../../core/address.ts";
import type { PullamaError } from "../../core/errors.ts";
import { Deadline, onAbort, openedOrAborted } from "../../io/abort.ts";
import {
  closedBeforeResponse,
  isCertificateError,
  isTunnelError,
  networkError,
} from "./network_error.ts";
import { copy, readHead, writeAll } from "../net/proxy_relay.ts";
import { issuerName, printable } from "./certificate.ts";
import { addressOf, basicLogin, type Proxy, withoutBrackets } from "../net/proxy.ts";
import { viewTls } from "./probe.ts";
import type { Spoken } from "./protocol.ts";
import type { ProxyResponse } from "./proxy.ts";

/** Milliseconds. */
const LIMIT = 5000;
const HANDSHAKE_LIMIT = 2000;

export interface FailedRequest {
  readonly url: URL;
  readonly proxy: Proxy | undefined;
  /** The host has responded before. */
  readonly hasResponded: boolean;
  /** PEM certificates that are trusted besides the built-in ones. */
  readonly caCerts: readonly string[];
  /** Ends the diagnosis early. */
  readonly signal: AbortSignal;
}

/** What `networkError` makes of a failure to reach `url`, with all that can be found out. */
export async function explain(error: unknown, request: FailedRequest): Promise<PullamaError> {
  const { url, proxy, hasResponded, caCerts, signal } = request;
  const failure = networkError(error, url.host, "head", { proxy });
  // A proxy that does not speak TLS may wait for the end of a line.
  const silentProxy = failure.kind === "timeout" && proxy?.protocol === "https:";
  if ((failure === error && !silentProxy) || signal.aborted) return failure;
  using attempt = new Deadline(signal, LIMIT, "the diagnosis did not finish");
  const spoken = await spokenInstead(error, failure, request, attempt.signal);
  if (spoken) return networkError(new Error(spoken), url.host, "head", { proxy, spoken });
  if (isTunnelError(error) && proxy?.protocol === "http:") {
    const tunnel = await openTunnel(proxy, url, attempt.signal).catch(() => undefined);
    tunnel?.connection.close();
    const isTls = !tunnel && !hasResponded && await speaksTls(addressUrl(proxy), attempt.signal);
    const spoken = isTls ? "tls" : undefined;
    return networkError(error, url.host, "head", { proxy, response: tunnel?.response, spoken });
  }
  if (!isCertificateError(error)) return failure;
  const ofProxy = proxy?.protocol === "https:" &&
    await isRejected(proxy, caCerts, attempt.signal).catch(() => false);
  const from = ofProxy ? addressUrl(proxy) : url;
  const issuer = await issuerOf(from, ofProxy ? undefined : proxy, attempt.signal)
    .catch(() => undefined);
  return networkError(error, url.host, "head", { proxy, ofProxy, issuer });
}

/** The error for a 400 in response to plain http, if the port speaks TLS; undefined if it does not. */
export async function tlsPortError(
  url: URL,
  caller: AbortSignal,
): Promise<PullamaError | undefined> {
  const spoken = await speaksTls(url, caller) ? "tls" : undefined;
  return spoken && networkError(new Error(spoken), url.host, "head", { spoken });
}

/** What the other end speaks, if that is not what was expected. */
async function spokenInstead(
  error: unknown,
  failure: PullamaError,
  { url, proxy, hasResponded }: FailedRequest,
  signal: AbortSignal,
): Promise<Spoken | undefined> {
  if (hasResponded || isCertificateError(error)) return undefined;
  if (proxy?.protocol === "https:") {
    const tunnel = await openTunnel(proxy, url, signal).catch(() => undefined);
    tunnel?.connection.close();
    if (!tunnel) return undefined;
    // A TLS server may reject plain http in plain http.
    return await speaksTls(addressUrl(proxy), signal) ? undefined : "http";
  }
  const odd = failure.kind === "protocol";
  if (proxy) return odd && await speaksTls(addressUrl(proxy), signal) ? "tls" : undefined;
  const ended = odd || closedBeforeResponse(error);
  const plain = url.protocol === "http:";
  return plain && ended && await speaksTls(url, signal) ? "tls" : undefined;
}

function addressUrl(proxy: Proxy): URL {
  return new URL(`https://${addressOf(proxy)}`);
}

/** Whether a TLS handshake succeeds within two seconds. A server that speaks http may just wait. */
async function speaksTls({ hostname, port, protocol }: URL, caller: AbortSignal): Promise<boolean> {
  using attempt = new Deadline(caller, HANDSHAKE_LIMIT, "no TLS handshake");
  const address = withoutBrackets(hostname);
  const number = Number(port || (protocol === "https:" ? 443 : 80));
  const view = await viewTls({ address, port: number }, address, attempt.signal)
    .catch(() => undefined);
  return view !== undefined;
}

/** Whether the certificate of the proxy is rejected. */
async function isRejected(
  proxy: Proxy,
  caCerts: readonly string[],
  signal: AbortSignal,
): Promise<boolean> {
  const connecting = Deno.connectTls({
    hostname: withoutBrackets(proxy.host),
    port: proxy.port,
    caCerts: [...caCerts],
  });
  const connection = await openedOrAborted(connecting, signal);
  using _listener = onAbort(signal, () => connection.close());
  try {
    await connection.handshake();
    return false;
  } catch (error) {
    return isCertificateError(error);
  } finally {
    if (!signal.aborted) connection.close();
  }
}

/** The issuer of the certificate of a host; undefined if it cannot be determined. */
async function issuerOf(
  url: URL,
  proxy: Proxy | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const hostname = withoutBrackets(url.hostname);
  const port = Number(url.port || 443);
  if (!proxy) return await issuerAt({ host: hostname, port }, hostname, signal);
  if (proxy.protocol !== "http:") return undefined;
  const { connection, response } = await openTunnel(proxy, url, signal);
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  try {
    if (response.status >= 300) return undefined;
    // Deno 2.6 cannot start TLS on a socket that already carried other data.
    const joined = join(listener, connection);
    const issuer = await issuerAt(
      { host: "127.0.0.1", port: listener.addr.port },
      hostname,
      signal,
    );
    await joined;
    return issuer;
  } finally {
    connection.close();
  }
}

/** Joins the first client of `listener` and `far`, until either connection ends. */
async function join(listener: Deno.TcpListener, far: Deno.TcpConn): Promise<void> {
  try {
    using near = await listener.accept();
    await Promise.race([copy(near, far), copy(far, near)]);
  } catch {
    // The client notices: its connection is closed.
  }
}

/** The issuer of the certificate that `address` presents for `hostname`. */
async function issuerAt(
  address: { readonly host: string; readonly port: number },
  hostname: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { connect } = await import("node:tls");
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect({
    ...address,
    // SNI is for names, not for IP addresses.
    ...(addressKind(hostname) === "name" && { servername: hostname }),
    // The issuer is only shown to the user, in a message that says that it is not trusted.
    rejectUnauthorized: false,
  });
  const end = () => reject(new Error("the connection ended"));
  socket.once("secureConnect", resolve);
  socket.on("error", end);
  socket.once("close", end);
  using _listener = onAbort(signal, () => void socket.destroy());
  try {
    await promise;
    return issuerName(socket.getPeerCertificate().issuer);
  } finally {
    socket.destroy();
  }
}

interface Tunnel {
  readonly connection: Deno.TcpConn;
  readonly response: ProxyResponse;
}

/** Sends a proxy a CONNECT for the host of `url`, and reads its response. */
async function openTunnel(proxy: Proxy, url: URL, signal: AbortSignal): Promise<Tunnel> {
  const hostname = withoutBrackets(proxy.host);
  // Deno waits for minutes for a proxy that drops what it is sent.
  const connecting = Deno.connect({ hostname, port: proxy.port });
  const connection = await openedOrAborted(connecting, signal);
  using _listener = onAbort(signal, () => connection.close());
  try {
    const target = `${url.hostname}:${url.port || 443}`;
    const login = basicLogin(proxy);
    const lines = [
      `CONNECT ${target} HTTP/1.1`,
      `Host: ${target}`,
      ...(login === undefined ? [] : [`Proxy-Authorization: ${login}`]),
    ];
    await writeAll(connection, `${lines.join("\r\n")}\r\n\r\n`);
    const head = await readHead(connection);
    const [, status, phrase = ""] = /^HTTP\/1\.\d (\d{3})(?: ([^\r\n]*))?/.exec(head) ?? [];
    if (status === undefined) throw new Error("invalid response of a proxy");
    return { connection, response: { status: Number(status), phrase: printable(phrase) } };
  } catch (error) {
    if (!signal.aborted) connection.close();
    throw error;
  }
}
