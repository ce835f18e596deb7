/** Deno's HTTP clients, which hold the connections: one for direct requests and one per proxy. */

import { ProxyRelay } from "./proxy_relay.ts";
import { addressOf, type Proxy } from "./proxy.ts";

/** Calls `make`, which creates a client, and returns its result. */
export type WithoutProxyEnv = <T>(make: () => T) => T;

export interface ClientPoolOptions {
  /** Certificates in PEM to trust besides the built-in ones. */
  readonly caCerts?: readonly string[];
  /** Keeps Deno from reading proxies from the environment by its own rules. */
  readonly withoutProxyEnv?: WithoutProxyEnv;
}

/** The client for a request, direct or through a proxy. */
export interface PooledClient {
  readonly client: Deno.HttpClient;
  /** Why the proxy could not be reached, if the error of the client does not tell. */
  failure(): unknown;
}

/** Clients are created on first use. */
export class ClientPool implements Disposable {
  readonly #options: ClientPoolOptions;
  readonly #clients = new Map<Proxy | undefined, Deno.HttpClient>();
  readonly #relays = new Map<Proxy, ProxyRelay>();
  #closed = false;

  constructor(options: ClientPoolOptions) {
    this.#options = options;
  }

  /** The client for `url`, through `proxy` or directly. Throws `BadResource` once disposed. */
  get(url: URL, proxy: Proxy | undefined): PooledClient {
    if (this.#closed) throw new Deno.errors.BadResource("the HTTP client is closed");
    const relay = proxy?.login && proxy.protocol === "http:" && url.protocol === "https:"
      ? this.#relay(proxy)
      : undefined;
    const first = relay?.local ?? proxy;
    let client = this.#clients.get(first);
    if (!client) {
      client = createClient(this.#options, first);
      this.#clients.set(first, client);
    }
    return { client, failure: () => relay?.failure };
  }

  /**
   * Drops all kept connections after a timeout on one of `client`: a change of network breaks them
   * all. When several requests time out together, only the first one has this effect.
   */
  renew(client: Deno.HttpClient): void {
    if ([...this.#clients.values()].includes(client)) this.#clear();
  }

  /** Bodies that are being read continue, except those through a proxy with a password. */
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#clear();
    for (const relay of this.#relays.values()) relay[Symbol.dispose]();
    this.#relays.clear();
  }

  #relay(proxy: Proxy): ProxyRelay {
    const relay = this.#relays.get(proxy) ?? new ProxyRelay(proxy);
    this.#relays.set(proxy, relay);
    return relay;
  }

  #clear(): void {
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }
}

/** Whether Deno can parse these certificates: if not, every request would fail. */
export function areReadable(
  caCerts: readonly string[],
  withoutProxyEnv: WithoutProxyEnv,
): boolean {
  try {
    createClient({ caCerts, withoutProxyEnv }, undefined).close();
    return true;
  } catch {
    return false;
  }
}

/** HTTP/1.1 only: over HTTP/2 parallel ranges would share one connection. */
function createClient(
  { caCerts = [], withoutProxyEnv = (make) => make() }: ClientPoolOptions,
  proxy: Proxy | undefined,
): Deno.HttpClient {
  return withoutProxyEnv(() =>
    Deno.createHttpClient({
      http2: false,
      ...(caCerts.length > 0 && { caCerts: [...caCerts] }),
      ...(proxy && {
        proxy: {
          url: `${proxy.protocol}//${addressOf(proxy)}`,
          ...(proxy.login && { basicAuth: { ...proxy.login } }),
        },
      }),
    })
  );
}
