/** The one HTTP client of a registry: GET, headers in time, no redirect followed, no answer judged. */

import { PullamaError } from "../../core/errors.ts";
import { ClientPool, type ClientPoolOptions } from "../net/client_pool.ts";
import { CHECK_NETWORK, endedBeforeAnswer, networkError } from "../diagnose/network_error.ts";
import { addressOf, basicLogin, type Proxy, type ProxyFor } from "../net/proxy.ts";
import { explain } from "../diagnose/explain.ts";

/** How long an answer may take, in milliseconds; longer once the host has answered in this run. */
const FIRST_ANSWER_MS = 30_000;
const LATER_ANSWER_MS = 60_000;

/** A request that was answered. `url` has no query, no user and no fragment. */
export interface RequestNote {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly elapsedMs: number;
}

export interface HttpOptions extends ClientPoolOptions {
  readonly userAgent: string;
  /** What requests go through; default nothing. */
  readonly proxyFor?: ProxyFor;
  readonly onRequest?: (note: RequestNote) => void;
  /** Milliseconds until the headers, in place of the usual 30 s (60 s for a host that has answered). */
  readonly headerTimeoutMs?: number;
}

export interface GetOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends the request and its body. It is listened to as long as it lives: give each attempt its own. */
  readonly signal: AbortSignal;
}

/**
 * Connections are kept for the next request. All of them are given up after a silence, since after a change
 * of network the kept ones stay dead for minutes.
 */
export class Http implements Disposable {
  readonly #options: HttpOptions;
  readonly #answered = new Set<string>();
  readonly #clients: ClientPool;

  constructor(options: HttpOptions) {
    this.#options = options;
    this.#clients = new ClientPool(options);
  }

  /**
   * The answer, whatever its status; its body must be read or cancelled. Throws what `networkError`
   * makes of the failure, `timeout` when the headers do not come in time, `auth` when a proxy wants to
   * know who asks, or the signal's reason.
   */
  async get(url: URL, options: GetOptions): Promise<Response> {
    const proxy = this.#options.proxyFor?.(url);
    const hasAnswered = this.#answered.has(url.host);
    try {
      return await this.#attempt(url, proxy, options);
    } catch (error) {
      const again = hasAnswered && endedBeforeAnswer(error) && !options.signal.aborted;
      if (!again) throw await this.#explained(error, url, proxy, options);
    }
    try {
      return await this.#attempt(url, proxy, options);
    } catch (error) {
      throw await this.#explained(error, url, proxy, options);
    }
  }

  /** Gives up kept connections. Bodies that are being read go on, but for some that a proxy brings. */
  close(): void {
    this.#clients[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #explained(
    error: unknown,
    url: URL,
    proxy: Proxy | undefined,
    { signal }: GetOptions,
  ): Promise<PullamaError> {
    return explain(error, { url, proxy, caCerts: this.#options.caCerts ?? [], signal });
  }

  async #attempt(
    url: URL,
    proxy: Proxy | undefined,
    { headers, signal }: GetOptions,
  ): Promise<Response> {
    signal.throwIfAborted();
    const { client, failure } = this.#clients.get(url, proxy);
    const request = new AbortController();
    const stop = (reason: unknown) => {
      if (reason instanceof PullamaError && reason.kind === "timeout") {
        this.#clients.renew(client);
      }
      request.abort(reason);
    };
    const answers = new Set<Response>();
    const relay = () => {
      stop(signal.reason);
      // Kept until here: once a response is collected as garbage, nobody ends the reading of its body.
      answers.clear();
    };
    signal.addEventListener("abort", relay, { once: true });
    const limit = this.#headerTimeout(url.host);
    const timer = setTimeout(() => stop(noAnswer(url.host, proxy, limit)), limit);
    const started = performance.now();
    try {
      const response = await fetch(url, {
        client,
        headers: {
          "user-agent": this.#options.userAgent,
          // Anything else may come compressed: then ranges would count other bytes.
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
      answers.add(response);
      this.#answered.add(url.host);
      this.#options.onRequest?.({
        method: "GET",
        url: `${url.origin}${url.pathname}`,
        status: response.status,
        elapsedMs: performance.now() - started,
      });
      return response;
    } catch (error) {
      signal.removeEventListener("abort", relay);
      throw error instanceof TypeError ? failure() ?? error : error;
    } finally {
      clearTimeout(timer);
    }
  }

  #headerTimeout(host: string): number {
    const usual = this.#answered.has(host) ? LATER_ANSWER_MS : FIRST_ANSWER_MS;
    return this.#options.headerTimeoutMs ?? usual;
  }
}

/** Lets a body go that nobody wants. A failure of it is of no interest either. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {});
}

/** Whether a proxy is given the request itself, not just asked for a connection. */
function isForwarded(proxy: Proxy | undefined, url: URL): proxy is Proxy {
  return url.protocol === "http:" && proxy !== undefined && !proxy.protocol.startsWith("socks5");
}

/** Deno logs in at a proxy everywhere but where it forwards requests and speaks TLS. */
function loginAt(proxy: Proxy | undefined, url: URL): Record<string, string> {
  const login = isForwarded(proxy, url) && proxy.protocol === "https:" && basicLogin(proxy);
  return login ? { "proxy-authorization": login } : {};
}

function noAnswer(host: string, proxy: Proxy | undefined, limit: number): PullamaError {
  const way = proxy ? ` through the proxy ${addressOf(proxy)}` : "";
  return new PullamaError("timeout", `no answer from ${host}${way} within ${limit / 1000} s`, {
    hint: proxy ? `check the network connection and ${proxy.variable}` : CHECK_NETWORK,
  });
}
