/** A registry as a place models come from: manifests and ranges of blobs, over HTTP, nothing tried twice. */

import type { BlobSource, Source } from "../core/content.ts";
import type { Descriptor, Manifest } from "../core/manifest.ts";
import type { Machine } from "../core/manifest_index.ts";
import type { ModelName } from "../core/name.ts";
import { UrlCache } from "./api/url_cache.ts";
import { Auth } from "./auth/auth.ts";
import { blobOpener } from "./api/blob.ts";
import { chunksumsOf } from "./api/chunksums.ts";
import { Confirmer } from "./api/confirm.ts";
import { Http, type HttpOptions } from "./http/http.ts";
import { addressesOf, type Lookup, lookupBeside } from "./net/dns.ts";
import { fetchManifest, type ManifestOptions } from "./api/manifest.ts";
import type { Identity } from "./auth/credential.ts";
import { openRegistry, type Registry } from "./api/registry.ts";
import { Secrets } from "./auth/redact.ts";

export type { Identity } from "./auth/credential.ts";

export interface RegistryOptions extends HttpOptions {
  /** Plain http to every registry. */
  readonly insecure?: boolean;
  /** What to log in with, where a registry asks who we are; default nothing. */
  readonly identity?: Identity;
  /** Told once of a key in it that cannot be used, where that was not needed. */
  readonly onWarning?: (message: string, hint: string) => void;
  /** What a list of manifests is resolved for; default this machine. */
  readonly machine?: Machine;
  /** Addresses of a host that a registry redirects to; default as the system resolves it, if no proxy does. */
  readonly lookup?: Lookup;
  /** Milliseconds without a byte of a manifest; default 30 s. */
  readonly silenceMs?: number;
  /** Bytes: for blobs that are larger the registry is asked for its own chunks; default 64 MiB. */
  readonly chunkSize?: number;
  /** Milliseconds without an answer about chunks or a byte of it; default 5 s. */
  readonly chunksumsMs?: number;
  /** Told in a sentence why something optional that a registry says is not used. */
  readonly onNote?: (message: string) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** Blobs up to this size, in bytes, are one chunk where nothing else is said. */
const DEFAULT_CHUNK = 64 * 1024 * 1024;

/**
 * A source of models over HTTP: all registries, each asked by its own rules. Every failure of its methods is a
 * PullamaError; `dispose` ends its connections.
 */
export class RegistrySource implements Source, Disposable {
  readonly chunksums: BlobSource["chunksums"];
  /** A `signal` that is aborted with a `timeout` also makes later requests begin with new connections. */
  readonly open: BlobSource["open"];
  readonly #http: Http;
  readonly #registry: Registry;
  readonly #manifests: ManifestOptions;
  /** Where blobs were found, and where a registry has said that they are. */
  readonly #addresses: UrlCache;
  readonly #hints: UrlCache;

  constructor(options: RegistryOptions) {
    const { insecure = false, machine = Deno.build, now = Date.now, identity = {} } = options;
    const scheme = insecure ? "http" : "https";
    const { lookup = lookupBeside(options.proxyFor, scheme, addressesOf) } = options;
    const { silenceMs, chunksumsMs, onNote, chunkSize = DEFAULT_CHUNK } = options;
    const http = new Http(options);
    const secrets = new Secrets();
    const onWarning = once(options.onWarning);
    const auth = new Auth({ http, secrets, identity, lookup, now, onWarning });
    const registry = openRegistry({ http, auth, secrets, insecure, lookup });
    const confirmer = new Confirmer();
    const addresses = new UrlCache(now);
    const hints = new UrlCache(now);
    this.#http = http;
    this.#registry = registry;
    this.#addresses = addresses;
    this.#hints = hints;
    this.#manifests = {
      registry,
      confirmer,
      machine,
      now,
      ...(silenceMs !== undefined && { silenceMs }),
    };
    this.open = blobOpener({ registry, confirmer, addresses, hints, now });
    this.chunksums = chunksumsOf({
      registry,
      hints,
      insecure,
      lookup,
      chunkSize,
      ...(chunksumsMs !== undefined && { timeoutMs: chunksumsMs }),
      ...(onNote && { onNote }),
    });
  }

  manifest(name: ModelName, signal: AbortSignal): Promise<Manifest> {
    return fetchManifest(name, signal, this.#manifests);
  }

  forgetAddress(name: ModelName, { digest }: Descriptor): void {
    const home = this.#registry.url(name, `blobs/${digest}`).href;
    this.#addresses.drop(home);
    this.#hints.drop(home);
  }

  [Symbol.dispose](): void {
    this.#http.close();
  }
}

/** `warn`, told of each message once. */
function once(warn: RegistryOptions["onWarning"]): (message: string, hint: string) => void {
  const warned = new Set<string>();
  return (message, hint) => {
    if (!warned.has(message)) warn?.(message, hint);
    warned.add(message);
  };
}
