/** Deno's clients, which hold the connections: a direct one, and one for each proxy in use. */

import { ProxyRelay } from "./proxy_relay.ts";
import { addressOf, type Proxy } from "./proxy.ts";

/** Runs what makes a client and returns what that returns. */
export type WithoutProxyEnv = <T>(make: () => T) => T;

export interface ClientPoolOptions {
  /** Certificates in PEM to trust besides the built-in ones. */
  readonly caCerts?: readonly string[];
  /** Keeps Deno from reading the environment, where it finds proxies by rules of its own. */
  readonly withoutProxyEnv?: WithoutProxyEnv;
}

/** A client that takes requests the right way. */
export interface PooledClient {
  readonly client: Deno.HttpClient;
  /** Why the proxy could not be reached, where the client cannot say it itself. */
  failure(): unknown;
}

/** Made when they are first needed. */
export class ClientPool implements Disposable {
  readonly #options: ClientPoolOptions;
  readonly #clients = new Map<Proxy | undefined, Deno.HttpClient>();
  readonly #relays = new Map<Proxy, ProxyRelay>();
  #closed = false;

  constructor(options: ClientPoolOptions) {
    this.#options = options;
  }

  /** How to ask for `url` through a proxy, or directly. Throws what using a closed client throws. */
  get(url: URL, proxy: Proxy | undefined): PooledClient {
    if (this.#closed) throw new Deno.errors.BadResource("the connections were closed");
    const relay = proxy?.login && proxy.protocol === "http:" && url.protocol === "https:"
      ? this.#relay(proxy)
      : undefined;
    const first = relay?.entrance ?? proxy;
    let client = this.#clients.get(first);
    if (!client) {
      client = connect(this.#options, first);
      this.#clients.set(first, client);
    }
    return { client, failure: () => relay?.failure };
  }

  /**
   * Gives up all kept connections after a silence on one of `client`: a change of network ends them all.
   * Several requests may fall silent together; only the first of them counts.
   */
  renew(client: Deno.HttpClient): void {
    if ([...this.#clients.values()].includes(client)) this.#clear();
  }

  /** Bodies that are being read go on, except those that come through a proxy with a password. */
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

/** Whether these can be trusted at all: certificates that Deno cannot read make every request fail. */
export function areReadable(caCerts: readonly string[], quietly: WithoutProxyEnv): boolean {
  try {
    connect({ caCerts, withoutProxyEnv: quietly }, undefined).close();
    return true;
  } catch {
    return false;
  }
}

/** HTTP/1.1 only: over HTTP/2 parallel ranges would share one connection. */
function connect(
  { caCerts = [], withoutProxyEnv: quietly = (make) => make() }: ClientPoolOptions,
  proxy: Proxy | undefined,
): Deno.HttpClient {
  return quietly(() =>
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
