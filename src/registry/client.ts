/** A registry as a place models come from: manifests and ranges of blobs, over HTTP, nothing tried twice. */

import { lookup as systemLookup } from "node:dns";
import type { Descriptor, Manifest } from "../core/manifest.ts";
import type { Machine } from "../core/manifest_index.ts";
import type { ModelName } from "../core/name.ts";
import type { Chunk } from "../core/ranges.ts";
import { Auth } from "./auth.ts";
import { blobOpener, type OpenBlob } from "./blob.ts";
import { Doubts } from "./doubts.ts";
import { Http, type HttpOptions } from "./http.ts";
import { fetchManifest } from "./manifest.ts";
import type { Identity } from "./proof.ts";
import type { Lookup } from "./redirects.ts";
import { registryOver } from "./registry.ts";
import { Secrets } from "./secrets.ts";

export type { Identity } from "./proof.ts";

export interface RegistryOptions extends HttpOptions {
  /** Plain http to every registry. */
  readonly insecure?: boolean;
  /** What to log in with, where a registry asks who we are; default nothing. */
  readonly identity?: Identity;
  /** Told once of a key in it that cannot be used, where that was not needed. */
  readonly onWarning?: (message: string, hint: string) => void;
  /** What a list of manifests is resolved for; default this machine. */
  readonly machine?: Machine;
  /** Addresses of a host that a registry redirects to; to give where a proxy looks them up: none. */
  readonly lookup?: Lookup;
  /** Milliseconds without a byte of a manifest; default 30 s. */
  readonly silenceMs?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** Every failure of its methods is a PullamaError. It serves all registries; `dispose` ends its connections. */
export interface RegistrySource extends Disposable {
  /** The manifest of a model; its bytes are as received. */
  manifest(name: ModelName, signal: AbortSignal): Promise<Manifest>;
  /** Always undefined: no registry is asked for chunks of its own. */
  chunksums(
    name: ModelName,
    blob: Descriptor,
    signal: AbortSignal,
  ): Promise<readonly Chunk[] | undefined>;
  /**
   * The bytes of `range`, which is not empty. `signal` ends the request and the body; aborted with a
   * `timeout`, it also makes later requests begin with new connections. Give each call its own.
   */
  readonly open: OpenBlob;
}

/** A source of models over HTTP. */
export function registrySource(options: RegistryOptions): RegistrySource {
  const http = new Http(options);
  const { insecure = false, machine = Deno.build, lookup = addressesOf, now = Date.now } = options;
  const { identity = {} } = options;
  const warned = new Set<string>();
  const onWarning = (message: string, hint: string) => {
    if (!warned.has(message)) options.onWarning?.(message, hint);
    warned.add(message);
  };
  const secrets = new Secrets();
  const auth = new Auth({ http, secrets, identity, lookup, now, onWarning });
  const registry = registryOver({ http, auth, secrets, insecure, lookup });
  const doubts = new Doubts();
  const { silenceMs } = options;
  const manifests = {
    registry,
    doubts,
    machine,
    now,
    ...(silenceMs !== undefined && { silenceMs }),
  };
  return {
    manifest: (name, signal) => fetchManifest(name, signal, manifests),
    chunksums: () => Promise.resolve(undefined),
    open: blobOpener({ registry, doubts, now }),
    [Symbol.dispose]: () => http.close(),
  };
}

/** By callback: the promise form prints a deprecation warning on Deno 2.6. */
function addressesOf(host: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    systemLookup(host, { all: true }, (error, found) => {
      if (error) reject(error);
      else resolve(found.map(({ address }) => address));
    });
  });
}
