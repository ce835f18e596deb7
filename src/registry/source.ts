/** Registries as a source of models: manifests and ranges of blobs over HTTP, without retries. */

import type { BlobSource, Source } from "../core/content.ts";
import type { Descriptor, Manifest } from "../core/manifest.ts";
import type { Machine } from "../core/manifest_index.ts";
import type { ModelName } from "../core/name.ts";
import type { Range } from "../core/ranges.ts";
import { UrlCache } from "./api/url_cache.ts";
import { Authorizations, AuthorizedHttp } from "./auth/auth.ts";
import { blobOpener } from "./api/blob.ts";
import { chunksumsOf } from "./api/chunksums.ts";
import { Confirmer } from "./api/confirm.ts";
import { Http, type HttpOptions, type RequestNote } from "./http/http.ts";
import { addressesOf, type Lookup, lookupBeside } from "./net/dns.ts";
import { fetchManifest, type ManifestOptions } from "./api/manifest.ts";
import type { Identity } from "./auth/credential.ts";
import { hiding, once } from "./api/observing.ts";
import { RangeSupport } from "./api/range_support.ts";
import { HttpRegistry, type Registry } from "./api/registry.ts";
import { type EndpointOf, endpointsByName } from "./api/endpoint.ts";
import { RedirectingHttp } from "./http/redirects.ts";
import { Secrets } from "./auth/redact.ts";

export type { Identity } from "./auth/credential.ts";

export interface RegistryOptions extends HttpOptions {
  /** Use plain http for every registry. */
  readonly insecure?: boolean;
  /** Where each model is served; default at the host in its name. */
  readonly endpointOf?: EndpointOf;
  /** Credentials for registries that require authentication; default none. */
  readonly identity?: Identity;
  /** Called once for an unusable key of `identity` that turned out not to be required. */
  readonly onWarning?: (message: string, hint: string) => void;
  /** The platform that a list of manifests is resolved for; default this machine. */
  readonly machine?: Machine;
  /** Resolves hosts that a registry redirects to; default the system's, or none behind a proxy. */
  readonly lookup?: Lookup;
  /** Milliseconds without data before a manifest or a token times out; default 30 s. */
  readonly silenceMs?: number;
  /** Bytes: chunk lists are requested for larger blobs only; default 64 MiB. */
  readonly chunkSize?: number;
  /** Milliseconds without data before the request for a chunk list times out; default 5 s. */
  readonly chunksumsMs?: number;
  /** Called with the reason when optional information from a registry is not used. */
  readonly onNote?: (message: string) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** Who is told what a source does. */
export type RegistryObserver = Pick<RegistryOptions, "onRequest" | "onNote" | "onWarning">;

/** Blobs up to this size, in bytes, are one chunk by default. */
const DEFAULT_CHUNK = 64 * 1024 * 1024;

/** What is learned once for all pulls of a source. */
class RegistryMemory {
  readonly authorizations: Authorizations = new Authorizations();
  readonly secrets: Secrets = new Secrets();
  readonly confirmer: Confirmer = new Confirmer();
  readonly ranges: RangeSupport = new RangeSupport();
  /** Where blobs were found, and where a registry says they are. */
  readonly addresses: UrlCache;
  readonly hints: UrlCache;
  /** Hosts without chunk lists. */
  readonly withoutChunks: Set<string> = new Set();
  readonly warned: Set<string> = new Set();

  constructor(now: () => number) {
    this.addresses = new UrlCache(now);
    this.hints = new UrlCache(now);
  }
}

/**
 * Models of all registries, each accessed by its own rules. Every failure of its methods is a
 * PullamaError; `dispose` closes its connections.
 */
export class RegistrySource implements Source, Disposable {
  readonly chunksums: BlobSource["chunksums"];
  /** Aborting `signal` with a `timeout` also makes later requests use new connections. */
  readonly open: BlobSource["open"];
  readonly #options: RegistryOptions;
  readonly #http: Http;
  readonly #memory: RegistryMemory;
  readonly #registry: Registry;
  readonly #manifests: ManifestOptions;

  /** With `shared`, its connections and all that it has learned are used. */
  constructor(
    options: RegistryOptions,
    observer: RegistryObserver = options,
    shared?: RegistrySource,
  ) {
    const { insecure = false, machine = Deno.build, now = Date.now, identity = {} } = options;
    const { endpointOf = endpointsByName(insecure) } = options;
    const scheme = insecure ? "http" : "https";
    const { lookup = lookupBeside(options.proxyFor, scheme, addressesOf) } = options;
    const { silenceMs, chunksumsMs, chunkSize = DEFAULT_CHUNK } = options;
    const { onNote } = observer;
    const memory = shared ? shared.#memory : new RegistryMemory(now);
    const { authorizations, secrets, confirmer, ranges, addresses, hints } = memory;
    const onRequest = (note: RequestNote) =>
      observer.onRequest?.({ ...note, url: secrets.hide(note.url) });
    const http = new Http(options, shared && shared.#http, onRequest);
    const onWarning = once(memory.warned, observer.onWarning);
    const redirecting = new RedirectingHttp(http, { insecure, lookup });
    const silence = silenceMs === undefined ? {} : { silenceMs };
    const login = { http, secrets, identity, lookup, now, onWarning, ...silence };
    const authorized = new AuthorizedHttp(redirecting, login, authorizations);
    const registry = new HttpRegistry(endpointOf, authorized, secrets, ranges);
    this.#options = options;
    this.#http = http;
    this.#memory = memory;
    this.#registry = registry;
    this.#manifests = {
      registry,
      confirmer,
      machine,
      now,
      ...silence,
    };
    const open = blobOpener({ registry, confirmer, ranges, addresses, hints, now, onWarning });
    this.open = (...request) => hiding(secrets, open(...request));
    this.chunksums = chunksumsOf({
      registry,
      hints,
      insecure,
      lookup,
      chunkSize,
      withoutChunks: memory.withoutChunks,
      ...(chunksumsMs !== undefined && { timeoutMs: chunksumsMs }),
      ...(onNote && { onNote: (note) => onNote(secrets.hide(note)) }),
    });
  }

  /** The same source for one pull, whose observer hears of its requests only. */
  observedBy(observer: RegistryObserver): Source {
    return new RegistrySource(this.#options, observer, this);
  }

  manifest(name: ModelName, signal: AbortSignal): Promise<Manifest> {
    return hiding(this.#memory.secrets, fetchManifest(name, signal, this.#manifests));
  }

  sendsRanges(name: ModelName, { digest }: Descriptor): boolean | undefined {
    const home = this.#registry.url(name, `blobs/${digest}`);
    const { addresses, hints, ranges } = this.#memory;
    return ranges.get((addresses.get(home.href) ?? hints.get(home.href) ?? home).host);
  }

  forgetAddress(name: ModelName, { digest }: Descriptor, range?: Range): readonly Range[] {
    // A part may have been changed on its way: that alone is no reason to ask for the address again.
    if (range) return [];
    const home = this.#registry.url(name, `blobs/${digest}`).href;
    this.#memory.addresses.drop(home);
    this.#memory.hints.drop(home);
    return [];
  }

  [Symbol.dispose](): void {
    this.#http.close();
  }
}
