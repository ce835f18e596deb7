/** The HTTP client for registries: requests with a header timeout, without redirects, for any status. */

import { PullamaError } from "../../core/errors.ts";
import { formatDuration } from "../../core/units.ts";
import { onAbort } from "../../io/abort.ts";
import { ClientPool, type ClientPoolOptions } from "../net/client_pool.ts";
import { CHECK_NETWORK, closedBeforeResponse, networkError } from "../diagnose/network_error.ts";
import { addressOf, basicLogin, type Proxy, type ProxyFor } from "../net/proxy.ts";
import { explain, tlsPortError } from "../diagnose/explain.ts";
import { BodyBlob, ResponseTimer, type SentBody } from "./sent_body.ts";

/** Milliseconds until the headers of a response; more once the host has responded in this run. */
const FIRST_RESPONSE_MS = 30_000;
const LATER_RESPONSE_MS = 60_000;
/** A request that is given up after so many milliseconds without a response may have been on a dead connection. */
const SUSPECT_MS = 2000;

/** A request that got a response. `url` has no query, no credentials and no fragment. */
export interface RequestNote {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly elapsedMs: number;
}

export interface HttpOptions extends ClientPoolOptions {
  readonly userAgent: string;
  /** The proxy for each request; default none. */
  readonly proxyFor?: ProxyFor;
  readonly onRequest?: (note: RequestNote) => void;
  /** Milliseconds until the headers, instead of 30 s (60 s once the host has responded). */
  readonly headerTimeoutMs?: number;
  /** Where requests may go; default anywhere. */
  readonly mayReach?: (url: URL) => boolean;
  /** A URL that gives no response in that time gets that much more at each attempt, up to this. */
  readonly longestHeaderMs?: number;
}

export interface GetOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends the request and its body. Its listeners are not removed: use one signal per attempt. */
  readonly signal: AbortSignal;
}

export interface SendOptions extends GetOptions {
  readonly method: Method;
  readonly body?: SentBody | undefined;
  /** Milliseconds from the last byte of the request until the headers, instead of the usual ones. */
  readonly headerMs?: number | undefined;
}

export type Method = "GET" | "HEAD" | "POST" | "PATCH" | "PUT" | "DELETE";

/**
 * Connections are kept alive. All of them are dropped after a timeout, since kept connections stay
 * dead for minutes after a change of network.
 */
export class Http implements Disposable {
  readonly #options: HttpOptions;
  readonly #responded: Set<string>;
  /** Milliseconds until the headers by URL without query, of those that needed longer before. */
  readonly #slow: Map<string, number>;
  readonly #clients: ClientPool;

  readonly #onRequest: HttpOptions["onRequest"];

  /** With `shared`, its connections are used. `onRequest` replaces that of `options`. */
  constructor(options: HttpOptions, shared?: Http, onRequest = options.onRequest) {
    this.#options = options;
    this.#onRequest = onRequest;
    this.#responded = shared ? shared.#responded : new Set();
    this.#slow = shared ? shared.#slow : new Map();
    this.#clients = shared ? shared.#clients : new ClientPool(options);
  }

  /**
   * The response, whatever its status; its body must be read or cancelled. Throws what
   * `networkError` makes of a failure, `timeout` if the headers do not arrive in time, `auth` if a
   * proxy requires authentication, `redirect` where requests may not go, or the signal's reason.
   */
  get(url: URL, { headers, signal }: GetOptions): Promise<Response> {
    return this.send(url, { method: "GET", signal, ...(headers && { headers }) });
  }

  /** The same for any method. A request that may change something is sent once. */
  async send(url: URL, options: SendOptions): Promise<Response> {
    if (this.#options.mayReach?.(url) === false) throw outOfReach(url);
    const proxy = this.#options.proxyFor?.(url);
    const hasResponded = this.#responded.has(url.host);
    const { signal } = options;
    const caCerts = this.#options.caCerts ?? [];
    const isSafe = options.method === "GET" || options.method === "HEAD";
    for (let retry = hasResponded && isSafe;; retry = false) {
      try {
        const response = await this.#attempt(url, proxy, options);
        const odd = response.status === 400 && url.protocol === "http:";
        const wrong = odd && !proxy && !hasResponded && await tlsPortError(url, signal);
        if (!wrong) return response;
        await discard(response);
        throw wrong;
      } catch (error) {
        if (retry && closedBeforeResponse(error) && !signal.aborted) continue;
        throw await explain(error, { url, proxy, hasResponded, caCerts, signal });
      }
    }
  }

  /** The proxy that receives requests for `url` itself, and may respond in its place. */
  forwarderOf(url: URL): Proxy | undefined {
    const proxy = this.#options.proxyFor?.(url);
    return isForwarded(proxy, url) ? proxy : undefined;
  }

  /** Closes kept connections. Bodies being read continue, except some through a proxy. */
  close(): void {
    this.#clients[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #attempt(
    url: URL,
    proxy: Proxy | undefined,
    { method, headers, body, headerMs, signal }: SendOptions,
  ): Promise<Response> {
    signal.throwIfAborted();
    const { client, failure } = this.#clients.get(url, proxy);
    const request = new AbortController();
    const responses = new Set<Response>();
    const started = performance.now();
    const stop = (reason: unknown) => {
      const timedOut = reason instanceof PullamaError && reason.kind === "timeout";
      const unanswered = responses.size === 0 && performance.now() - started >= SUSPECT_MS;
      if (timedOut || unanswered) this.#clients.renew(client);
      request.abort(reason);
    };
    // Not disposed of after a response: it ends the body.
    const listener = onAbort(signal, () => {
      stop(signal.reason);
      // Held until here: an abort does not end the body of a response that was garbage-collected.
      responses.clear();
    });
    const usual = this.#usualTimeout(url.host);
    const place = url.origin + url.pathname;
    const limit = headerMs ?? Math.max(usual, this.#slow.get(place) ?? 0);
    using timer = new ResponseTimer(body ? usual : limit, (limit) => {
      const next = Math.min(limit + usual, this.#options.longestHeaderMs ?? 0);
      if (next > (this.#slow.get(place) ?? limit)) this.#slow.set(place, next);
      stop(noResponse(url.host, proxy, limit, next));
    });
    const sent = body && new BodyBlob(body, timer, usual, limit, (error) => request.abort(error));
    try {
      const response = await fetch(url, {
        method,
        client,
        ...(sent && { body: sent }),
        headers: {
          "user-agent": this.#options.userAgent,
          // Ranges would count the bytes of a compressed response.
          "accept-encoding": "identity",
          ...headers,
          ...loginAt(proxy, url),
        },
        redirect: "manual",
        signal: request.signal,
      });
      if (response.status === 407 && isForwarded(proxy, url)) {
        await discard(response);
        throw networkError(new Error("proxy authentication required"), url.host, "head", {
          proxy,
        });
      }
      responses.add(response);
      this.#responded.add(url.host);
      const elapsedMs = performance.now() - started;
      if (elapsedMs < usual) this.#slow.delete(place);
      this.#onRequest?.({ method, url: place, status: response.status, elapsedMs });
      return response;
    } catch (error) {
      listener[Symbol.dispose]();
      throw sent?.failure ?? (error instanceof TypeError ? failure() ?? error : error);
    }
  }

  #usualTimeout(host: string): number {
    const byDefault = this.#responded.has(host) ? LATER_RESPONSE_MS : FIRST_RESPONSE_MS;
    return this.#options.headerTimeoutMs ?? byDefault;
  }
}

function outOfReach({ host }: URL): PullamaError {
  return new PullamaError("redirect", `${host} may not be asked: it is not one of the mirrors`, {
    hint:
      "with --offline nothing else is asked: leave that out, or name that host with --mirror too",
  });
}

/** Cancels a body that is not needed, ignoring errors. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {});
}

/** Whether the proxy receives the request itself instead of opening a connection for it. */
function isForwarded(proxy: Proxy | undefined, url: URL): proxy is Proxy {
  return url.protocol === "http:" && proxy !== undefined && !proxy.protocol.startsWith("socks5");
}

/** Deno sends the login to every proxy, except to one that forwards requests and speaks TLS. */
function loginAt(proxy: Proxy | undefined, url: URL): Record<string, string> {
  const login = isForwarded(proxy, url) && proxy.protocol === "https:" && basicLogin(proxy);
  return login ? { "proxy-authorization": login } : {};
}

/** After `limit` milliseconds; the next attempt waits for `next`, if that is longer. */
function noResponse(
  host: string,
  proxy: Proxy | undefined,
  limit: number,
  next: number,
): PullamaError {
  const via = proxy ? ` through the proxy ${addressOf(proxy)}` : "";
  const more = next > limit ? ` (the next attempt waits ${formatDuration(next)})` : "";
  const check = proxy ? `check the network connection and ${proxy.variable}` : CHECK_NETWORK;
  return new PullamaError(
    "timeout",
    `no response from ${host}${via} within ${formatDuration(limit)}${more}`,
    { hint: next > 0 && more === "" ? `${check}, or use a longer --timeout` : check },
  );
}
