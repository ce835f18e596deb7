/** Follows redirects by hand: fetch would pass credentials on and accept any target. */

import { type AddressKind, addressKind } from "../../core/address.ts";
import { PullamaError } from "../../core/errors.ts";
import { quoted } from "../../core/quote.ts";
import { orAborted } from "../../io/abort.ts";
import { networkError } from "../diagnose/network_error.ts";
import { discard, type Http, type Method } from "./http.ts";
import type { SentBody } from "./sent_body.ts";
import type { Lookup } from "../net/dns.ts";
import type { Proxy } from "../net/proxy.ts";

const MAX_HOPS = 10;
/** Characters; no name in DNS is longer. */
export const LONGEST_HOST = 253;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Whether a response with this status is a redirect. */
export function isRedirect(status: number): boolean {
  return REDIRECTS.has(status);
}

/** Which redirects are allowed. */
export interface RedirectPolicy {
  /** The user allows plain http. */
  readonly insecure: boolean;
  readonly lookup: Lookup;
}

export interface RedirectedRequest {
  /** Default GET. */
  readonly method?: Method | undefined;
  readonly body?: SentBody | undefined;
  /** As `SendOptions.headerMs`. */
  readonly headerMs?: number | undefined;
  /** Sent on every hop. */
  readonly headers: Readonly<Record<string, string>>;
  /** The origin of the registry: the only one that gets `authorization`. */
  readonly registry: string;
  readonly authorization?: string | undefined;
  readonly signal: AbortSignal;
}

export interface FinalResponse {
  readonly response: Response;
  /** The URL of the response, after redirects. */
  readonly url: URL;
  /** The proxy that received the request for it, and may have responded in its place. */
  readonly proxy?: Proxy | undefined;
}

/** An `Http` that follows redirects. */
export class RedirectingHttp {
  constructor(
    private readonly http: Pick<Http, "send" | "forwarderOf">,
    private readonly policy: RedirectPolicy,
  ) {}

  /**
   * Requests `start` and follows up to ten redirects. Throws what `Http.send` throws, `redirect` for a
   * redirect that is not allowed and `protocol` for one without a Location. A request that sends something is repeated
   * only where the server asks for exactly that.
   */
  async send(start: URL, request: RedirectedRequest): Promise<FinalResponse> {
    const { method = "GET", body, headerMs, signal, authorization, registry } = request;
    const sends = method !== "GET" && method !== "HEAD";
    const visited = new Set<string>();
    let url = start;
    for (;;) {
      visited.add(url.href);
      const trusted = authorization !== undefined && url.origin === registry;
      const headers = trusted ? { ...request.headers, authorization } : request.headers;
      const response = await this.http.send(url, { method, headers, body, headerMs, signal });
      if (!isRedirect(response.status)) {
        return { response, url, proxy: this.http.forwarderOf(url) };
      }
      await discard(response);
      const next = target(url, response.headers.get("location"));
      if (visited.has(next.href)) throw refused(url, "redirect loop");
      if (visited.size > MAX_HOPS) throw refused(url, `more than ${MAX_HOPS} redirects`);
      if (next.protocol === "http:" && start.protocol !== "http:" && !this.policy.insecure) {
        throw refused(url, "from https to plain http", "use --insecure to allow plain http");
      }
      if (sends && !KEEPS_METHOD.has(response.status)) {
        throw refused(url, `it does not repeat a ${method} (${response.status})`);
      }
      await this.checkTarget(url, next, request);
      url = next;
    }
  }

  /**
   * Rejects with `redirect` where a server at `from` must not send a request: into a network that the registry is not in,
   * and where something is sent to another server, over plain http.
   */
  async checkTarget(
    from: URL,
    to: URL,
    { method = "GET", registry, signal }: Pick<RedirectedRequest, "method" | "registry" | "signal">,
  ): Promise<void> {
    if (to.origin === registry) return;
    const { lookup } = this.policy;
    if (to.protocol !== "https:" && method !== "GET" && method !== "HEAD") {
      throw refused(from, `bytes are sent to another server over https only (${to.origin})`, PROXY);
    }
    const internal = await privateAddressReason(to, new URL(registry), lookup, signal);
    if (internal === undefined) return;
    const reason = `the target is ${internal} (${to.hostname})`;
    throw refused(from, reason, "contact the registry's operator");
  }
}

/** Redirects after which a request is repeated as it is. */
const KEEPS_METHOD: ReadonlySet<number> = new Set([307, 308]);

const PROXY = "if it is a proxy before the registry, it has to pass on X-Forwarded-Proto and Host";

/** The URL in a Location header. Throws `protocol` where there is none, and `redirect` for one that is not allowed. */
export function target(from: URL, location: string | null): URL {
  if (!location) {
    throw new PullamaError("protocol", `${from.host} sent a redirect without a Location header`);
  }
  const next = URL.parse(location, from);
  if (!next || next.hostname.length > LONGEST_HOST) throw refused(from, "invalid Location header");
  if (next.protocol !== "http:" && next.protocol !== "https:") {
    throw refused(from, `unsupported scheme ${quoted(next.protocol.slice(0, -1), 20)}`);
  }
  if (next.username !== "" || next.password !== "") {
    throw refused(from, "the URL contains credentials");
  }
  next.hash = "";
  return next;
}

/**
 * Why a registry must not send us to `to`: the kind of its address, such as "a loopback address";
 * undefined if it may. A registry must not send requests to where it is not itself: into a private
 * network, to this machine, or to a service of a cloud. A host that cannot be resolved is left to
 * the request, which reports it. The address may still change before the request: then the digest
 * protects the bytes, and the request carries no credentials.
 */
export async function privateAddressReason(
  to: URL,
  registry: URL,
  lookup: Lookup,
  signal: AbortSignal,
): Promise<string | undefined> {
  const internal = (await kindsOf(to.hostname, lookup, signal)).filter((kind) => INTERNAL[kind]);
  if (internal.length === 0) return undefined;
  const home = await kindsOf(registry.hostname, lookup, signal);
  const refused = internal.find((kind) => !isThere(home, kind));
  return refused && INTERNAL[refused];
}

const INTERNAL: Partial<Record<AddressKind, string>> = {
  loopback: "a loopback address",
  private: "a private network address",
  link_local: "a link-local or metadata address",
  unspecified: "an unspecified address",
  reserved: "a reserved address",
};

/**
 * Whether a registry with addresses of the kinds `home` is in the network of such addresses. One
 * public address more is common in private networks, but not for this machine and link-local ones.
 */
function isThere(home: readonly AddressKind[], kind: AddressKind): boolean {
  if (kind === "private" || kind === "reserved") return home.includes(kind);
  const sort = (one: AddressKind) => one === "unspecified" ? "loopback" : one;
  return home.length > 0 && home.every((one) => sort(one) === sort(kind));
}

/** The kinds of a host's addresses; none if it cannot be resolved. */
async function kindsOf(
  host: string,
  lookup: Lookup,
  signal: AbortSignal,
): Promise<readonly AddressKind[]> {
  const kind = addressKind(host);
  return kind === "name" ? (await resolved(host, lookup, signal)).map(addressKind) : [kind];
}

/** The addresses of a host, none if the lookup fails. It cannot be cancelled, only abandoned. */
async function resolved(
  host: string,
  lookup: Lookup,
  signal: AbortSignal,
): Promise<readonly string[]> {
  try {
    signal.throwIfAborted();
    return await orAborted(lookup(host).catch(() => []), signal);
  } catch (error) {
    throw networkError(error, host, "head");
  }
}

function refused(from: URL, reason: string, hint?: string): PullamaError {
  const message = `refusing to follow a redirect from ${from.host}: ${reason}`;
  return new PullamaError("redirect", message, hint === undefined ? {} : { hint });
}
