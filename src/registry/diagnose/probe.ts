/**
 * The steps before a request, one by one: DNS lookup, connection, TLS handshake. Each ends with the
 * signal; no request is sent. Whether a request would succeed is not decided here.
 */

import { connect as connectPlain } from "node:net";
import { connect as connectSecure, type PeerCertificate, type TLSSocket } from "node:tls";
import { PullamaError } from "../../core/errors.ts";
import { onAbort } from "../../io/abort.ts";
import { CHECK_NETWORK } from "./network_error.ts";
import { issuerName } from "./certificate.ts";
import { addressesOf } from "../net/dns.ts";

/** The target of a connection. */
export interface Endpoint {
  /** An IP address. */
  readonly address: string;
  readonly port: number;
}

/** An address that could not be connected to. */
export interface Unreached {
  readonly address: string;
  /** Such as "connection refused". */
  readonly reason: string;
}

/** What a TLS handshake shows, except whether the certificate is trusted. */
export interface TlsView {
  /** Such as "TLSv1.3". */
  readonly version?: string;
  /** "Example Root CA (Example Corp)" */
  readonly issuer?: string;
  /** The last day of the certificate, as 2030-12-31. */
  readonly until?: string;
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  ETIMEDOUT: "connection timed out",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "no route to host",
  EADDRNOTAVAIL: "no route to host",
};

/** The addresses of `host`, as the system resolves it. Throws `network`, or the signal's reason. */
export function resolveHost(host: string, signal: AbortSignal): Promise<readonly string[]> {
  return settled(signal, (resolve, reject) => {
    addressesOf(host).catch(() => []).then((found) => {
      if (found.length > 0) return resolve(found);
      const message = `the host name ${host} cannot be resolved`;
      const hint = "check the spelling of the host, the network connection and its DNS server";
      reject(new PullamaError("network", message, { hint }));
    });
  });
}

/**
 * Connects to all of `addresses` at once, since some may be dead, until one succeeds, and
 * disconnects. Throws `network`, in a message about `host`, if all fail, or the signal's reason.
 */
export async function connectToOne(
  host: string,
  addresses: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<{ readonly address: string; readonly unreached: readonly Unreached[] }> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const unreached: Unreached[] = [];
  try {
    return await Promise.any(addresses.map(async (address) => {
      const reason = await connectProblem({ address, port }, either);
      if (reason === undefined) return { address, unreached: [...unreached] };
      unreached.push({ address, reason });
      throw new Error(reason);
    }));
  } catch {
    signal.throwIfAborted();
    const reason = unreached[0]?.reason ?? "it has no address";
    const hint = `${CHECK_NETWORK}; a firewall must allow ${host}, port ${port}`;
    throw new PullamaError("network", `cannot connect to ${host}, port ${port}: ${reason}`, {
      hint,
    });
  } finally {
    stop.abort();
  }
}

/** What a TLS handshake shows; undefined if it fails. Rejects with the signal's reason. */
export function viewTls(
  { address, port }: Endpoint,
  hostname: string,
  signal: AbortSignal,
): Promise<TlsView | undefined> {
  return settled(signal, (resolve) => {
    const socket = connectSecure({
      host: address,
      port,
      // SNI is for names, not for IP addresses.
      ...(isAddress(hostname) ? {} : { servername: hostname }),
      // Nothing is sent. The result is shown to the user, together with whether it is trusted.
      rejectUnauthorized: false,
    });
    // Later errors are ignored.
    socket.on("error", () => resolve(undefined));
    socket.once("close", () => resolve(undefined));
    socket.once("secureConnect", () => resolve(viewOf(socket)));
    return () => socket.destroy();
  });
}

/** Whether `host`, without brackets, is an IP address and not a name. */
export function isAddress(host: string): boolean {
  return host.includes(":") || /^\d+(\.\d+){3}$/.test(host);
}

/** Why the connection failed; undefined if it succeeded. */
function connectProblem(
  { address, port }: Endpoint,
  signal: AbortSignal,
): Promise<string | undefined> {
  return settled(signal, (resolve) => {
    const socket = connectPlain(port, address);
    socket.once("connect", () => resolve(undefined));
    socket.once(
      "error",
      (error: Error & { code?: string }) => resolve(REASONS[error.code ?? ""] ?? "cannot connect"),
    );
    return () => socket.destroy();
  });
}

/** What `work` settles with, or the signal's reason. Calls what `work` returns at the end. */
async function settled<T>(
  signal: AbortSignal,
  work: (resolve: (value: T) => void, reject: (reason: unknown) => void) => (() => void) | void,
): Promise<T> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  using _listener = onAbort(signal, () => reject(signal.reason));
  const end = work(resolve, reject);
  try {
    return await promise;
  } finally {
    end?.();
  }
}

function viewOf(socket: TLSSocket): TlsView {
  const { issuer, valid_to: until } = Object(socket.getPeerCertificate()) as PeerCertificate;
  // Missing before Deno 2.9.
  const { getProtocol } = socket as { getProtocol?: () => string | null };
  const version = getProtocol?.call(socket) ?? undefined;
  const [name, day] = [issuerName(issuer), dayOf(until)];
  return {
    ...(version !== undefined && { version }),
    ...(name !== undefined && { issuer: name }),
    ...(day !== undefined && { until: day }),
  };
}

function dayOf(date: string | undefined): string | undefined {
  const time = Date.parse(date ?? "");
  return Number.isNaN(time) ? undefined : new Date(time).toISOString().slice(0, 10);
}
