/**
 * The steps before a request, one by one: looking a name up, connecting, speaking TLS. Each ends with the
 * signal; no request is sent. What a request itself would meet is not decided here.
 */

import { connect as connectPlain } from "node:net";
import { connect as connectSecure, type PeerCertificate, type TLSSocket } from "node:tls";
import { PullamaError } from "../../core/errors.ts";
import { CHECK_NETWORK } from "./network_error.ts";
import { issuerName } from "./certificate.ts";
import { addressesOf } from "../net/dns.ts";

/** Where a connection leads. */
export interface Endpoint {
  /** An address. */
  readonly address: string;
  readonly port: number;
}

/** An address that was tried in vain. */
export interface Unreached {
  readonly address: string;
  /** The rest of a sentence about it. */
  readonly reason: string;
}

/** What is seen of a TLS connection; whether it is to be trusted is not. */
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
  ETIMEDOUT: "the connection timed out",
  EHOSTUNREACH: "no route to it",
  ENETUNREACH: "no route to it",
  EADDRNOTAVAIL: "no route to it",
};

/** The addresses of `host`, as the system resolves it. Throws `network`, or the signal's reason. */
export function resolveHost(host: string, signal: AbortSignal): Promise<readonly string[]> {
  return settled(signal, (resolve, reject) => {
    addressesOf(host).catch(() => []).then((found) => {
      if (found.length > 0) return resolve(found);
      const message = `the name ${host} cannot be resolved`;
      const hint =
        "check the spelling of the host, the network connection and its name server (DNS)";
      reject(new PullamaError("network", message, { hint }));
    });
  });
}

/**
 * Connects to all of `addresses` at once, as some may be dead, until the first of them lets us, and hangs up. Throws
 * `network` if none does, which is about `host`, or the signal's reason.
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
      const reason = await refusalOf({ address, port }, either);
      if (reason === undefined) return { address, unreached: [...unreached] };
      unreached.push({ address, reason });
      throw new Error(reason);
    }));
  } catch {
    signal.throwIfAborted();
    const reason = unreached[0]?.reason ?? "it has no address";
    const hint = `${CHECK_NETWORK}; a firewall has to let ${host}, port ${port}, through`;
    throw new PullamaError("network", `cannot connect to ${host}, port ${port}: ${reason}`, {
      hint,
    });
  } finally {
    stop.abort();
  }
}

/** What speaking TLS shows; undefined where the other side does not speak it. Rejects with the signal's reason. */
export function viewTls(
  { address, port }: Endpoint,
  hostname: string,
  signal: AbortSignal,
): Promise<TlsView | undefined> {
  return settled(signal, (resolve) => {
    const socket = connectSecure({
      host: address,
      port,
      // Of an address there is no name to ask for.
      ...(isAddress(hostname) ? {} : { servername: hostname }),
      // Nothing is sent. What is seen is shown to the user, together with whether it is to be trusted.
      rejectUnauthorized: false,
    });
    // It may fail once more when nobody is interested any longer.
    socket.on("error", () => resolve(undefined));
    socket.once("close", () => resolve(undefined));
    socket.once("secureConnect", () => resolve(viewOf(socket)));
    return () => socket.destroy();
  });
}

/** Whether `host`, without brackets, is an address and not a name. */
export function isAddress(host: string): boolean {
  return host.includes(":") || /^\d+(\.\d+){3}$/.test(host);
}

/** Why there is no connection; undefined if there was one. */
function refusalOf({ address, port }: Endpoint, signal: AbortSignal): Promise<string | undefined> {
  return settled(signal, (resolve) => {
    const socket = connectPlain(port, address);
    socket.once("connect", () => resolve(undefined));
    socket.once(
      "error",
      (error: Error & { code?: string }) =>
        resolve(REASONS[error.code ?? ""] ?? "it cannot be reached"),
    );
    return () => socket.destroy();
  });
}

/** What `plan` settles with, or the signal's reason; in the end what `plan` returns is called. */
async function settled<T>(
  signal: AbortSignal,
  work: (resolve: (value: T) => void, reject: (reason: unknown) => void) => (() => void) | void,
): Promise<T> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const leave = () => reject(signal.reason);
  signal.addEventListener("abort", leave, { once: true });
  const end = work(resolve, reject);
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", leave);
    end?.();
  }
}

function viewOf(socket: TLSSocket): TlsView {
  const { issuer, valid_to: until } = Object(socket.getPeerCertificate()) as PeerCertificate;
  // Missing in runtimes before 2.9.
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
