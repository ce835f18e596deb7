/** Collects the hosts that a pull has to reach from its requests. */

import type { NeededHost } from "../../core/reports/doctor.ts";
import type { RequestNote } from "../../registry/http/http.ts";
import type { ProxyFor } from "../../registry/net/proxy.ts";

/** The hosts so far. Of a URL only the scheme, host and port are kept. */
export class Hosts {
  readonly #registry: URL;
  readonly #known = new Map<string, NeededHost>();
  #last: string;
  #authRequired = false;
  #inBlobs = false;

  /** `registry` is the URL of the first request; `offline`: only `mirrors` are asked. */
  constructor(registry: URL, mirrors: readonly URL[] = [], offline = false) {
    this.#registry = registry;
    this.#last = authorityOf(registry);
    if (!offline) this.#add(registry, "registry");
    for (const mirror of mirrors) this.#add(mirror, "mirror");
  }

  /** Wraps `proxyFor`, which is called before each request: unreachable hosts are recorded too. */
  listening(proxyFor: ProxyFor): ProxyFor {
    return (url) => {
      const proxy = proxyFor(url);
      if (proxy) this.#put({ host: proxy.host, port: proxy.port, what: "proxy" });
      this.#add(url, this.#partOf(url));
      this.#last = authorityOf(url);
      return proxy;
    };
  }

  onResponse({ status }: RequestNote): void {
    if (status === 401) this.#authRequired = true;
  }

  /** The requests from now on are for blobs. */
  blobs(): void {
    this.#inBlobs = true;
  }

  /** Whether a response was 401. */
  get authRequired(): boolean {
    return this.#authRequired;
  }

  /** "host:port" of the latest request; undefined if that is the registry. */
  get elsewhere(): string | undefined {
    return this.#last === authorityOf(this.#registry) ? undefined : this.#last;
  }

  /** "host:port" of the latest request. */
  get last(): string {
    return this.#last;
  }

  list(): NeededHost[] {
    return [...this.#known.values()];
  }

  #partOf({ origin, pathname }: URL): NeededHost["what"] {
    if (origin === this.#registry.origin || pathname.includes("/manifests/")) return "registry";
    return this.#inBlobs ? "blobs" : "login";
  }

  #add(url: URL, what: NeededHost["what"]): void {
    this.#put({ host: url.hostname, port: portOf(url), what });
  }

  /** A host keeps the first purpose that it is needed for. */
  #put(host: NeededHost): void {
    const key = `${host.host}:${host.port}`;
    if (!this.#known.has(key)) this.#known.set(key, host);
  }
}

export function portOf(url: URL): number {
  return Number(url.port || (url.protocol === "https:" ? 443 : 80));
}

function authorityOf(url: URL): string {
  return `${url.hostname}:${portOf(url)}`;
}
