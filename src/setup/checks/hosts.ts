/** Which hosts a pull has to reach, as its requests go along. */

import type { NeededHost } from "../../core/reports/doctor.ts";
import type { RequestNote } from "../../registry/http/http.ts";
import type { ProxyFor } from "../../registry/net/proxy.ts";

/** Collects hosts. It never keeps more of an address than scheme, host and port. */
export class Hosts {
  readonly #registry: URL;
  readonly #known = new Map<string, NeededHost>();
  #last: string;
  #refused = false;
  #inBlobs = false;

  /** `registry` is where it begins. */
  constructor(registry: URL) {
    this.#registry = registry;
    this.#last = authorityOf(registry);
    this.#add(registry, "registry");
  }

  /** `proxyFor`, listened to: it is asked before each request, so a host is known even if nobody can reach it. */
  listening(proxyFor: ProxyFor): ProxyFor {
    return (url) => {
      const proxy = proxyFor(url);
      if (proxy) this.#put({ host: proxy.host, port: proxy.port, what: "proxy" });
      this.#add(url, this.#partOf(url));
      this.#last = authorityOf(url);
      return proxy;
    };
  }

  answered({ status }: RequestNote): void {
    if (status === 401) this.#refused = true;
  }

  /** From now on blobs are asked for. */
  blobs(): void {
    this.#inBlobs = true;
  }

  /** Whether somebody has asked who we are. */
  get askedForLogin(): boolean {
    return this.#refused;
  }

  /** "host:port" of the latest request; undefined if that was the registry. */
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

  /** The first thing that a host is needed for is what it is called. */
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
