/** Sources at mirrors: each with credentials, connections and a memory of its own. */

import type { ProxyFor } from "../../registry/net/proxy.ts";
import { endpointsAt } from "../../registry/api/endpoint.ts";
import { type Identity, identityAtMirror } from "../../registry/auth/credential.ts";
import { addressesOf, type Lookup, lookupBeside } from "../../registry/net/dns.ts";
import {
  type RegistryObserver,
  type RegistryOptions,
  RegistrySource,
} from "../../registry/source.ts";
import { Health } from "../../transfer/sources/health.ts";
import type { Mirror } from "../../transfer/sources/mirror.ts";
import { inEitherCase } from "./lower_case.ts";

/** Milliseconds until the headers of a response, where other sources can send the same: time for `serve` to say "busy". */
export const HEADERS_MS = 5_000;

export interface MirrorSetup {
  readonly urls: readonly string[];
  /** Nothing else may be reached. */
  readonly offline: boolean;
  readonly identity: Identity;
  readonly proxyFor: ProxyFor;
  /** Resolves hosts; default the system's. */
  readonly lookup?: Lookup;
  /** What all sources have in common. */
  readonly common: Pick<
    RegistryOptions,
    "userAgent" | "chunkSize" | "longestHeaderMs" | "caCerts" | "withoutProxyEnv"
  >;
}

/** The mirrors of an engine, which remember between pulls how they have behaved. */
export class Mirrors implements Disposable {
  readonly #all: readonly {
    readonly url: string;
    readonly source: RegistrySource;
    /** The same with names in lower case, and the models that were found there. */
    readonly lower: RegistrySource;
    readonly lowered: Set<string>;
    readonly health: Health;
  }[];

  constructor({ urls, offline, identity, proxyFor, lookup = addressesOf, common }: MirrorSetup) {
    const known = urls.map((url) => new URL(url));
    const isMirror = (name: string) => known.some(({ hostname }) => hostname === name);
    const mayReach = ({ host }: URL) => known.some((url) => url.host === host);
    this.#all = urls.map((text) => {
      const url = new URL(text);
      const scheme = url.protocol === "http:" ? "http" : "https";
      const beside = lookupBeside(proxyFor, scheme, lookup);
      const options = {
        ...common,
        proxyFor,
        identity: identityAtMirror(identity, url),
        lookup: (host: string) => offline && !isMirror(host) ? Promise.resolve([]) : beside(host),
        ...(offline && { mayReach }),
        // Without a registry beside them mirrors are waited for as one is.
        ...(!offline && { headerTimeoutMs: HEADERS_MS, silenceMs: HEADERS_MS, longestHeaderMs: 0 }),
      };
      const source = new RegistrySource({ ...options, endpointOf: endpointsAt(url) });
      const inLowerCase = { ...options, endpointOf: endpointsAt(url, true) };
      const lower = new RegistrySource(inLowerCase, {}, source);
      const health = new Health(() => performance.now());
      return { url: text, source, lower, lowered: new Set<string>(), health };
    });
  }

  /** For one pull, whose observer hears of its requests. */
  observedBy(observer: RegistryObserver): readonly Mirror[] {
    return this.#all.map(({ url, source, lower, lowered, health }) => ({
      url,
      source: inEitherCase(source.observedBy(observer), lower.observedBy(observer), lowered),
      health,
    }));
  }

  [Symbol.dispose](): void {
    for (const { source } of this.#all) source[Symbol.dispose]();
  }
}
