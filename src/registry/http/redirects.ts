/** Following redirects by hand: fetch would take credentials and anything for a target. */

import { type AddressKind, addressKind } from "../../core/address.ts";
import { PullamaError } from "../../core/errors.ts";
import { networkError } from "../diagnose/network_error.ts";
import { discard, type Http } from "./http.ts";
import type { Lookup } from "../net/dns.ts";

const MAX_HOPS = 10;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Whether an answer with this status says where to ask instead. */
export function isRedirect(status: number): boolean {
  return REDIRECTS.has(status);
}

/** What a registry may redirect to. */
export interface RedirectPolicy {
  /** The origin of the registry: the only one that sees `header`. */
  readonly registry: string;
  /** The user has asked for plain http. */
  readonly insecure: boolean;
  readonly lookup: Lookup;
}

export interface Request {
  /** Sent on every hop. */
  readonly headers: Readonly<Record<string, string>>;
  readonly authorization?: string;
  readonly signal: AbortSignal;
}

export interface FinalResponse {
  readonly response: Response;
  /** Where it was answered. */
  readonly url: URL;
}

/**
 * GETs `start` and what it redirects to, up to ten hops. Throws what `Http.get` throws, `redirect` for a
 * target that must not be asked and `protocol` for a redirect without one.
 */
export async function followRedirects(
  http: Http,
  start: URL,
  request: Request,
  trust: RedirectPolicy,
): Promise<FinalResponse> {
  const { signal, authorization } = request;
  const visited = new Set<string>();
  let url = start;
  for (;;) {
    visited.add(url.href);
    const trusted = authorization !== undefined && url.origin === trust.registry;
    const headers = trusted ? { ...request.headers, authorization } : request.headers;
    const response = await http.get(url, { headers, signal });
    if (!isRedirect(response.status)) return { response, url };
    await discard(response);
    const next = target(url, response.headers.get("location"));
    if (visited.has(next.href)) throw refused(url, "it leads back to itself");
    if (visited.size > MAX_HOPS) throw refused(url, `it is number ${MAX_HOPS + 1} in a row`);
    if (next.protocol === "http:" && start.protocol !== "http:" && !trust.insecure) {
      const hint = "use --insecure if plain http is what you want";
      throw refused(url, "it leads from https to plain http", hint);
    }
    if (next.origin !== trust.registry) await checkAddress(url, next, trust, signal);
    url = next;
  }
}

/** The URL that a Location header means. */
function target(from: URL, location: string | null): URL {
  if (!location) {
    throw new PullamaError("protocol", `${from.host} sent a redirect that leads nowhere`);
  }
  const next = URL.parse(location, from);
  if (!next) throw refused(from, "its address cannot be read");
  if (next.protocol !== "http:" && next.protocol !== "https:") {
    throw refused(from, `it leads to ${next.protocol}`);
  }
  if (next.username !== "" || next.password !== "") {
    throw refused(from, "its address carries a user name");
  }
  next.hash = "";
  return next;
}

async function checkAddress(
  from: URL,
  to: URL,
  trust: RedirectPolicy,
  signal: AbortSignal,
): Promise<void> {
  const inside = await privateAddressReason(to, new URL(trust.registry), trust.lookup, signal);
  if (inside === undefined) return;
  throw refused(from, `it leads to ${to.hostname}, ${inside}`, "tell those who run the registry");
}

/**
 * Why a registry must not send us to `to`, as the rest of a sentence about that host; undefined if it may. A
 * registry on the internet has no business with the machines of a private network, nor with the services
 * of this one; a registry that is there itself has. A host that cannot be looked up is left to the
 * request, which will say so. The address may still change between the two: then the bytes are checked
 * by their digest, and the request carried no credentials.
 */
export async function privateAddressReason(
  to: URL,
  registry: URL,
  lookup: Lookup,
  signal: AbortSignal,
): Promise<string | undefined> {
  const inside = await addressInside(to.hostname, lookup, signal);
  if (inside === undefined) return undefined;
  return await addressInside(registry.hostname, lookup, signal) === undefined ? inside : undefined;
}

const INSIDE: Partial<Record<AddressKind, string>> = {
  loopback: "which is this machine",
  private: "which is in a private network",
  link_local: "which is in the local network",
  unspecified: "which is no address",
};

/** In words what is internal about the host; undefined if nothing is. */
async function addressInside(
  host: string,
  lookup: Lookup,
  signal: AbortSignal,
): Promise<string | undefined> {
  const kind = addressKind(host);
  if (kind !== "name") return INSIDE[kind];
  const addresses = await resolved(host, lookup, signal);
  return addresses.map((address) => INSIDE[addressKind(address)])
    .find((inside) => inside !== undefined);
}

/** The addresses that a lookup finds. It cannot be cancelled, only left behind. */
async function resolved(
  host: string,
  lookup: Lookup,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([lookup(host).catch(() => []), aborted.promise]);
  } catch (error) {
    throw networkError(error, host, "head");
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function refused(from: URL, reason: string, hint?: string): PullamaError {
  const message = `will not follow a redirect of ${from.host}: ${reason}`;
  return new PullamaError("redirect", message, hint === undefined ? {} : { hint });
}
