/**
 * A fake model registry on 127.0.0.1: serves manifests like Docker's distribution, blobs with
 * ranges, directly or by a redirect to signed URLs on separate blob hosts, and optionally lists of
 * chunks. It logs all requests, counts all bytes, and injects faults on request.
 */

import type { Descriptor } from "../../src/core/manifest.ts";
import type { Digest } from "../../src/core/digest.ts";
import { sustained } from "./capacity.ts";
import { type Content, digestOfContent, held } from "./content.ts";
import type { Fault, FaultHook, Faults } from "./faults.ts";
import {
  type Answer,
  blobAnswer,
  errorAnswer,
  redirectAnswer,
  reply,
  storeError,
  textAnswer,
} from "./answers.ts";
import { DOCKER_MANIFEST, manifestAnswer, mediaTypeOf, type StoredManifest } from "./manifests.ts";
import { signer } from "./signed.ts";
import { type Host, portOf } from "./listen.ts";
import { type LoggedRequest, startServer } from "./wire.ts";

export interface RegistryOptions {
  /**
   * Number of blob hosts, to which requests are redirected in turn; 0 (default): blobs are served
   * directly.
   */
  readonly blobHosts?: number;
  /** Name of the blob hosts in redirects instead of their address, such as `localhost`. */
  readonly blobHostName?: string;
  /** Status of redirects to blob hosts; default 307. */
  readonly redirectStatus?: number;
  /**
   * Length in bytes of the chunks in lists of chunks, which include a signed URL if there are blob
   * hosts; 0 (default): no lists, like Docker's registry.
   */
  readonly chunkLength?: number;
  /** Lifetime of a signed URL; default one day. */
  readonly signedSeconds?: number;
  /** Rate of each server, over all its connections. */
  readonly bytesPerSecond?: number;
  /** Rate of each connection. */
  readonly connectionBytesPerSecond?: number;
  /** Certificate and key in PEM; enables TLS on all servers. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Port of the registry; default any free port. */
  readonly port?: number;
  /** That its address has a port on every system: then its models cannot be stored on Windows. */
  readonly onPort?: boolean;
  readonly faults?: Faults;
}

export interface ModelFiles {
  readonly layers?: readonly Layer[];
  readonly config?: Layer;
  /** The manifest, instead of one generated from config and layers. */
  readonly manifest?: Uint8Array | string;
  /**
   * Media type of the manifest; default its own `mediaType`, otherwise that of a Docker manifest.
   */
  readonly manifestType?: string;
}

export interface Layer {
  readonly mediaType: string;
  readonly content: Content | Uint8Array | string;
  /** Name of a tensor layer. */
  readonly name?: string;
}

export interface AddedModel {
  /** The full name with host, as a user would type it. */
  readonly name: string;
  readonly manifest: Uint8Array;
  readonly digest: Digest;
  readonly config: Descriptor | undefined;
  readonly layers: readonly Descriptor[];
}

export interface Registry extends AsyncDisposable {
  readonly host: Host;
  readonly url: string;
  readonly blobHosts: readonly string[];
  /** Stores a model as `namespace/model:tag`; its manifest is available by digest too. */
  add(name: string, files: ModelFiles): AddedModel;
  /** Stores a blob that no manifest references. */
  addBlob(content: Content | Uint8Array | string): Digest;
  /** A signed URL at a blob host, as in redirects. */
  address(digest: Digest): string;
  /** All requests to all servers, in order of arrival. */
  readonly requests: readonly LoggedRequest[];
  /** Body bytes of this blob that were written to sockets. */
  served(digest: Digest): number;
  /** Connections accepted by all servers. */
  readonly connections: number;
  /** Open connections. */
  readonly open: number;
  readonly faults: Faults;
  /** Expires all signed URLs issued so far. */
  expireAddresses(): void;
  close(): Promise<void>;
}

const DAY = 86_400;
const NOT_FOUND = "404 page not found\n";

/** Starts the servers; close them with `await using` or `close()`. */
export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const manifests = new Map<string, StoredManifest>();
  const blobs = new Map<string, Content>();
  const lists = new Map<string, readonly string[]>();
  const requests: LoggedRequest[] = [];
  const faults: Faults = options.faults ?? {};
  const seen = new Map<string, number>();
  const signatures = signer();
  const blobHosts: string[] = [];
  let resolved = 0;

  const ask = async (phase: keyof Faults, request: LoggedRequest): Promise<Fault> => {
    const key = `${phase} ${request.path}`;
    const n = (seen.get(key) ?? 0) + 1;
    seen.set(key, n);
    const hook: FaultHook | undefined = faults[phase];
    return await hook?.(request, n) ?? {};
  };

  const signedAddress = (digest: string) => {
    const host = blobHosts[resolved++ % blobHosts.length]!;
    const hex = digest.slice("sha256:".length);
    const path = `/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`;
    const query = signatures.sign(path, options.signedSeconds ?? DAY);
    return `${scheme}://${host}${path}?${query}`;
  };

  const chunkList = async (digest: string, request: LoggedRequest): Promise<[Answer, Fault]> => {
    const fault = await ask("chunksums", request);
    const content = blobs.get(digest);
    if (!content || !options.chunkLength) return [textAnswer(404, NOT_FOUND), fault];
    const lines = lists.get(digest) ?? chunkLines(content, options.chunkLength);
    lists.set(digest, lines);
    const { headers, ...answer } = textAnswer(200, (fault.list?.(lines) ?? lines).join(""));
    const place = blobHosts.length > 0 ? { "content-location": signedAddress(digest) } : {};
    return [{ ...answer, headers: { ...headers, ...place } }, fault];
  };

  const atRegistry = async (request: LoggedRequest): Promise<[Answer, Fault]> => {
    const [, repository = "", kind, reference = ""] =
      /^\/v2\/(.+)\/(manifests|blobs|chunksums)\/([^/]+)$/.exec(request.path) ?? [];
    if (kind === "manifests") {
      const find = (reference: string) => manifests.get(`${repository}:${reference}`);
      const fault = await ask("manifest", request);
      return [manifestAnswer(find(reference), request, find), fault];
    }
    if (kind === "blobs") {
      const content = blobs.get(reference);
      const fault = await ask("blob", request);
      if (!content) return [errorAnswer(404, "BLOB_UNKNOWN", "blob unknown to registry"), fault];
      if (blobHosts.length > 0) {
        const answer = redirectAnswer(signedAddress(reference));
        return [{ ...answer, status: options.redirectStatus ?? answer.status }, fault];
      }
      if (fault.status !== undefined) return [blobAnswer(content, reference), fault];
      return [blobAnswer(content, reference), { ...fault, ...await ask("data", request) }];
    }
    if (kind === "chunksums") return await chunkList(reference, request);
    return [textAnswer(404, NOT_FOUND), await ask("other", request)];
  };

  const atBlobHost = async (request: LoggedRequest): Promise<[Answer, Fault]> => {
    const fault = await ask("data", request);
    const content = blobs.get(`sha256:${request.path.split("/").at(-2)}`);
    const refusal = signatures.refusal(request.path, request.query);
    if (refusal || !content) return [storeError(403, refusal ?? "AccessDenied"), fault];
    return [blobAnswer(content), fault];
  };

  const rate = async (wanted: number | undefined) => wanted && await sustained(wanted);
  const bytesPerSecond = await rate(options.bytesPerSecond);
  const connectionBytesPerSecond = await rate(options.connectionBytesPerSecond);

  const start = (server: "registry" | "blobs", port?: number) => {
    const right = server === "registry" ? atRegistry : atBlobHost;
    return startServer({
      server,
      port,
      onPort: options.onPort,
      log: requests,
      answer: async (request) => reply(request, ...await right(request)),
      bytesPerSecond,
      connectionBytesPerSecond,
      tls: options.tls,
    });
  };

  const scheme = options.tls ? "https" : "http";
  const registry = await start("registry", options.port);
  const servers = [registry];
  for (let k = 0; k < (options.blobHosts ?? 0); k++) {
    const server = await start("blobs");
    const { blobHostName } = options;
    blobHosts.push(blobHostName ? `${blobHostName}:${portOf(server.host)}` : server.host);
    servers.push(server);
  }

  const addBlob = (given: Content | Uint8Array | string): Digest => {
    const content = typeof given === "string" || given instanceof Uint8Array ? held(given) : given;
    const digest = digestOfContent(content);
    blobs.set(digest, content);
    return digest;
  };

  const describe = (layer: Layer) => {
    const digest = addBlob(layer.content);
    const size = blobs.get(digest)!.size;
    const name = layer.name === undefined ? {} : { name: layer.name };
    return { mediaType: layer.mediaType, digest, size, ...name };
  };

  const close = async () => {
    await Promise.all(servers.map((server) => server.close()));
  };

  return {
    host: registry.host,
    url: `${scheme}://${registry.host}`,
    blobHosts,
    requests,
    faults,
    addBlob,
    address: signedAddress,
    add(name, files) {
      const config = files.config && describe(files.config);
      const layers = (files.layers ?? []).map(describe);
      const made = { schemaVersion: 2, mediaType: DOCKER_MANIFEST, config, layers };
      const content = files.manifest ?? JSON.stringify(made);
      const manifest = typeof content === "string" ? new TextEncoder().encode(content) : content;
      const digest = digestOfContent(held(manifest));
      const mediaType = files.manifestType ?? mediaTypeOf(manifest);
      const stored = { bytes: manifest, digest, mediaType };
      const repository = name.slice(0, name.lastIndexOf(":"));
      manifests.set(name, stored);
      manifests.set(`${repository}:${digest}`, stored);
      return { name: `${registry.host}/${name}`, manifest, digest, config, layers };
    },
    served(digest) {
      const hex = digest.slice("sha256:".length);
      return requests
        .filter(({ path }) => path.includes("/blobs/") && path.includes(hex))
        .filter(({ status }) => status === 200 || status === 206)
        .reduce((sum, request) => sum + request.sent, 0);
    },
    get connections() {
      return servers.reduce((sum, server) => sum + server.connections, 0);
    },
    get open() {
      return servers.reduce((sum, server) => sum + server.open, 0);
    },
    expireAddresses: () => signatures.expireAll(),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** One line per chunk, in the format of Ollama's registry. */
function chunkLines(content: Content, length: number): string[] {
  const lines: string[] = [];
  for (let start = 0; start < content.size; start += length) {
    const bytes = content.read(start, Math.min(length, content.size - start));
    lines.push(`${digestOfContent(held(bytes))} ${start}-${start + bytes.length - 1}\n`);
  }
  return lines;
}
