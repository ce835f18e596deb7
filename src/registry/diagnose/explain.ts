/**
 * A closer look at what a request failed on. fetch says neither who has issued a certificate nor how a proxy
 * has refused: that is asked for again, by a connection that is ended once it is known. No request is sent on
 * it, and what is seen there is put into words only.
 */

import { addressKind } from "../../core/address.ts";
import type { PullamaError } from "../../core/errors.ts";
import { Deadline } from "../../io/deadline.ts";
import { isCertificateError, isTunnelError, networkError } from "./network_error.ts";
import { copy, readHead, writeAll } from "../net/proxy_relay.ts";
import { issuerName, printable } from "./certificate.ts";
import { addressOf, basicLogin, type Proxy, withoutBrackets } from "../net/proxy.ts";
import type { ProxyAnswer } from "./proxy.ts";

/** Milliseconds. */
const LIMIT = 5000;

export interface FailedRequest {
  readonly url: URL;
  readonly proxy: Proxy | undefined;
  /** What is trusted besides the built-in certificates. */
  readonly caCerts: readonly string[];
  /** Ends it early. */
  readonly signal: AbortSignal;
}

/** What `networkError` makes of the failure to reach `url`, with all that can be learned about it. */
export async function explain(error: unknown, checkHint: FailedRequest): Promise<PullamaError> {
  const { url, proxy, caCerts, signal } = checkHint;
  const failure = networkError(error, url.host, "head", { proxy });
  if (failure === error || signal.aborted) return failure;
  using attempt = new Deadline(signal, LIMIT, "the closer look was not over");
  if (isTunnelError(error) && proxy?.protocol === "http:") {
    const tunnel = await openTunnel(proxy, url, attempt.signal).catch(() => undefined);
    tunnel?.connection.close();
    return networkError(error, url.host, "head", { proxy, answer: tunnel?.answer });
  }
  if (!isCertificateError(error)) return failure;
  const ofProxy = proxy?.protocol === "https:" &&
    await refuses(proxy, caCerts, attempt.signal).catch(() => false);
  const from = ofProxy ? new URL(`https://${addressOf(proxy)}`) : url;
  const issuer = await issuerOf(from, ofProxy ? undefined : proxy, attempt.signal)
    .catch(() => undefined);
  return networkError(error, url.host, "head", { proxy, ofProxy, issuer });
}

/** Whether it is the certificate of the proxy that is not accepted. */
async function refuses(
  proxy: Proxy,
  caCerts: readonly string[],
  signal: AbortSignal,
): Promise<boolean> {
  const connection = await Deno.connectTls({
    hostname: withoutBrackets(proxy.host),
    port: proxy.port,
    caCerts: [...caCerts],
  });
  const stop = () => connection.close();
  signal.addEventListener("abort", stop, { once: true });
  try {
    await connection.handshake();
    return false;
  } catch (error) {
    return isCertificateError(error);
  } finally {
    signal.removeEventListener("abort", stop);
    if (!signal.aborted) stop();
  }
}

/** Who has issued the certificate of a host; undefined where that cannot be seen. */
async function issuerOf(
  url: URL,
  proxy: Proxy | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const hostname = withoutBrackets(url.hostname);
  const port = Number(url.port || 443);
  if (!proxy) return await issuerAt({ host: hostname, port }, hostname, signal);
  if (proxy.protocol !== "http:") return undefined;
  const { connection, answer } = await openTunnel(proxy, url, signal);
  using door = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  try {
    if (answer.status >= 300) return undefined;
    // On Deno 2.6 a socket that has carried something else cannot begin with TLS.
    const joined = join(door, connection);
    const issuer = await issuerAt({ host: "127.0.0.1", port: door.addr.port }, hostname, signal);
    await joined;
    return issuer;
  } finally {
    connection.close();
  }
}

/** Joins the first one who comes in at `door` to `far`, until either end is gone. */
async function join(door: Deno.TcpListener, far: Deno.TcpConn): Promise<void> {
  try {
    using near = await door.accept();
    await Promise.race([copy(near, far), copy(far, near)]);
  } catch {
    // The one who came in is told by the end of the connection.
  }
}

/** Who has issued the certificate that is shown at an address to those who ask for `hostname`. */
async function issuerAt(
  address: { readonly host: string; readonly port: number },
  hostname: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { connect } = await import("node:tls");
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect({
    ...address,
    // Of an address there is no name to ask for.
    ...(addressKind(hostname) === "name" && { servername: hostname }),
    // What it says is shown to the user, who is told that it is not to be believed.
    rejectUnauthorized: false,
  });
  const end = () => reject(new Error("the connection ended"));
  const stop = () => socket.destroy();
  socket.once("secureConnect", resolve);
  socket.on("error", end);
  socket.once("close", end);
  signal.addEventListener("abort", stop, { once: true });
  try {
    await promise;
    return issuerName(socket.getPeerCertificate().issuer);
  } finally {
    signal.removeEventListener("abort", stop);
    socket.destroy();
  }
}

interface Tunnel {
  readonly connection: Deno.TcpConn;
  readonly answer: ProxyAnswer;
}

/** Asks a proxy for a connection to the host of `url`, and reads what it says. */
async function openTunnel(proxy: Proxy, url: URL, signal: AbortSignal): Promise<Tunnel> {
  const hostname = withoutBrackets(proxy.host);
  const connection = await Deno.connect({ hostname, port: proxy.port });
  const stop = () => connection.close();
  signal.addEventListener("abort", stop, { once: true });
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
    const [, status, words = ""] = /^HTTP\/1\.\d (\d{3})(?: ([^\r\n]*))?/.exec(head) ?? [];
    if (status === undefined) throw new Error("it does not answer as a proxy");
    return { connection, answer: { status: Number(status), words: printable(words) } };
  } catch (error) {
    if (!signal.aborted) connection.close();
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
