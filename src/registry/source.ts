/** A registry as a place models come from: manifests and ranges of blobs, over HTTP, nothing tried twice. */

import type { Descriptor, Manifest } from "../core/manifest.ts";
import type { Machine } from "../core/manifest_index.ts";
import type { ModelName } from "../core/name.ts";
import { Addresses } from "./api/url_cache.ts";
import { Auth } from "./auth/auth.ts";
import { blobOpener, type OpenBlob } from "./api/blob.ts";
import { type AskChunksums, chunksumsAsker } from "./api/chunksums.ts";
import { Doubts } from "./api/confirm.ts";
import { Http, type HttpOptions } from "./http/http.ts";
import { addressesOf, type Lookup, lookupBeside } from "./net/dns.ts";
import { fetchManifest } from "./api/manifest.ts";
import type { Identity } from "./auth/credential.ts";
import { registryOver } from "./api/registry.ts";
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

/** Every failure of its methods is a PullamaError. It serves all registries; `dispose` ends its connections. */
export interface RegistrySource extends Disposable {
  /** The manifest of a model; its bytes are as received. */
  manifest(name: ModelName, signal: AbortSignal): Promise<Manifest>;
  /** The registry's own chunks of a blob, if it has any that are right. Fails only when it is aborted. */
  readonly chunksums: AskChunksums;
  /**
   * The bytes of `range`, which is not empty. `signal` ends the request and the body; aborted with a
   * `timeout`, it also makes later requests begin with new connections. Give each call its own.
   */
  readonly open: OpenBlob;
  /** What came from where the blob is kept was wrong: the registry is asked anew where that is. */
  elsewhere(name: ModelName, blob: Descriptor): void;
}

/** Blobs up to this size, in bytes, are one chunk where nothing else is said. */
const USUAL_CHUNK = 64 * 1024 * 1024;

/** A source of models over HTTP. */
export function registrySource(options: RegistryOptions): RegistrySource {
  const http = new Http(options);
  const { insecure = false, machine = Deno.build, now = Date.now, identity = {} } = options;
  const scheme = insecure ? "http" : "https";
  const { lookup = lookupBeside(options.proxyFor, scheme, addressesOf) } = options;
  const warned = new Set<string>();
  const onWarning = (message: string, hint: string) => {
    if (!warned.has(message)) options.onWarning?.(message, hint);
    warned.add(message);
  };
  const secrets = new Secrets();
  const auth = new Auth({ http, secrets, identity, lookup, now, onWarning });
  const registry = registryOver({ http, auth, secrets, insecure, lookup });
  const doubts = new Doubts();
  const addresses = new Addresses(now);
  const hints = new Addresses(now);
  const { silenceMs, chunksumsMs, onNote, chunkSize = USUAL_CHUNK } = options;
  const manifests = {
    registry,
    doubts,
    machine,
    now,
    ...(silenceMs !== undefined && { silenceMs }),
  };
  return {
    manifest: (name, signal) => fetchManifest(name, signal, manifests),
    chunksums: chunksumsAsker({
      registry,
      hints,
      insecure,
      lookup,
      chunkSize,
      ...(chunksumsMs !== undefined && { patienceMs: chunksumsMs }),
      ...(onNote && { onNote }),
    }),
    open: blobOpener({ registry, doubts, addresses, hints, now }),
    elsewhere(name, { digest }) {
      const home = registry.url(name, `blobs/${digest}`).href;
      addresses.drop(home);
      hints.drop(home);
    },
    [Symbol.dispose]: () => http.close(),
  };
}
