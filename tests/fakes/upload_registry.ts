/**
 * A registry on 127.0.0.1 that models are pushed to: uploads in chunks, mounts, manifests, tokens. It counts what it
 * receives, and injects faults on request.
 */

import { createHash } from "node:crypto";
import * as http from "node:http";
import * as https from "node:https";
import type { AddressInfo } from "node:net";

/** A request with what was received of its body; `status` is set when it was answered. */
export interface UploadRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  received: number;
  status: number | undefined;
}

/** Instead of the usual answer, or in the middle of the body. */
export type UploadFault =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
  /** The connection is closed after so many bytes of the body. */
  | { readonly closeAfter: number }
  /** The request is served, and its response lost. */
  | { readonly loses: "response" }
  /** What is called before the rest of the body is read. */
  | { readonly pauseAfter: number; readonly meanwhile: () => Promise<void> };

export interface UploadRegistryOptions {
  /** What it has of a chunk whose connection broke: all that it received, or the upload is gone (as distribution and Zot). */
  readonly broken?: "keeps" | "forgets";
  /** How it writes the URL of an upload. */
  readonly location?: (path: string, url: string) => string;
  /** Whether it takes blobs from other repositories; default true. */
  readonly mounts?: boolean;
  /** Whether its responses name digests; default true. */
  readonly names?: boolean;
  /** What the response to a chunk tells: all that it has (default), or how long the chunk was, as Zot does. */
  readonly tells?: "all" | "chunk";
  /** The fewest bytes of a chunk that it asks for. */
  readonly least?: number;
  readonly tls?: { readonly cert: string; readonly key: string };
}

export interface UploadRegistry extends AsyncDisposable {
  /** "127.0.0.1:PORT" */
  readonly host: string;
  readonly url: string;
  readonly requests: readonly UploadRequest[];
  /** Blobs by repository and digest. */
  readonly blobs: Map<string, Map<string, Uint8Array>>;
  /** Manifests by repository, and tag or digest. */
  readonly manifests: Map<string, Map<string, StoredManifest>>;
  /** Bytes of bodies of uploads. */
  readonly received: number;
  /** `n` counts from 1 by method. */
  fault: ((request: UploadRequest, n: number) => UploadFault | undefined) | undefined;
  /** Forgets all uploads. */
  forget(): void;
  /** Uploads that are not complete. */
  readonly open: number;
  /** The requests as `METHOD last part of the path`. */
  asked(): readonly string[];
}

interface StoredManifest {
  readonly bytes: Uint8Array;
  readonly type: string;
}

interface Session {
  readonly repository: string;
  bytes: Uint8Array[];
}

const UPLOAD = /^\/v2\/(.+)\/blobs\/uploads\/([\w-]*)$/;
const BLOB = /^\/v2\/(.+)\/blobs\/(sha256:[0-9a-f]{64})$/;
const MANIFEST = /^\/v2\/(.+)\/manifests\/([\w.:-]+)$/;

export async function startUploadRegistry(
  options: UploadRegistryOptions = {},
): Promise<UploadRegistry> {
  const { broken = "keeps", location = (path) => path, mounts = true, names = true } = options;
  const requests: UploadRequest[] = [];
  const blobs: UploadRegistry["blobs"] = new Map();
  const manifests: UploadRegistry["manifests"] = new Map();
  const sessions = new Map<string, Session>();
  const counts = new Map<string, number>();
  let received = 0;
  let fault: UploadRegistry["fault"];
  let url = "";

  const listener = (asked: http.IncomingMessage, answer: http.ServerResponse) => {
    serve(asked, answer).catch(() => asked.socket.destroy());
  };

  async function serve(asked: http.IncomingMessage, answer: http.ServerResponse): Promise<void> {
    const { pathname: path, searchParams: query } = new URL(asked.url!, url);
    const method = asked.method!;
    const headers = new Headers(
      Object.entries(asked.headers).map(([name, value]) => [name, String(value)]),
    );
    const request: UploadRequest = { method, path, query, headers, received: 0, status: undefined };
    requests.push(request);
    const n = (counts.get(method) ?? 0) + 1;
    counts.set(method, n);
    const own = fault?.(request, n);
    const reply = (
      status: number,
      fields: Record<string, string> = {},
      body: string | Uint8Array = "",
    ): void => {
      request.status = status;
      if (own && "loses" in own) return void asked.socket.destroy();
      answer.writeHead(status, { "content-length": String(body.length), ...fields });
      answer.end(method === "HEAD" ? undefined : body);
    };
    if (own && "status" in own) {
      // As servers do that do not read what they refuse.
      asked.resume();
      return reply(own.status, own.headers, own.body);
    }
    const [, repository = "", id = ""] = UPLOAD.exec(path) ?? [];
    const session = sessions.get(id);
    const pieces: Uint8Array[] = [];
    let paused = false;
    const finished = async (): Promise<boolean> => {
      try {
        for await (const piece of asked) {
          pieces.push(new Uint8Array(piece));
          request.received += piece.length;
          received += piece.length;
          if (own && "closeAfter" in own && request.received >= own.closeAfter) {
            asked.socket.destroy();
            return false;
          }
          if (own && "pauseAfter" in own && request.received >= own.pauseAfter && !paused) {
            paused = true;
            await own.meanwhile();
          }
        }
        return request.received === Number(headers.get("content-length") ?? 0);
      } catch {
        return false;
      }
    };
    // Older versions of Deno wait for the end of a body that is none.
    const complete = ["GET", "HEAD", "DELETE"].includes(method) || await finished();
    if (!complete) {
      if (session && broken === "keeps") session.bytes.push(...pieces);
      if (session && broken === "forgets") sessions.delete(id);
      return;
    }
    const body = joined(pieces);
    if (UPLOAD.test(path)) return upload(request, repository, id, body, reply);
    const [, where = "", digest = ""] = BLOB.exec(path) ?? [];
    if (digest) {
      const found = blobs.get(where)?.get(digest);
      return found ? reply(200, named(digest), found) : reply(404, {}, error("BLOB_UNKNOWN"));
    }
    const [, place = "", reference = ""] = MANIFEST.exec(path) ?? [];
    if (!reference) return reply(404, {}, error("NOT_FOUND"));
    if (method === "PUT") return putManifest(place, reference, body, headers, reply);
    const found = manifests.get(place)?.get(reference);
    if (!found) return reply(404, {}, error("MANIFEST_UNKNOWN"));
    reply(200, { "content-type": found.type, ...named(digestOf(found.bytes)) }, found.bytes);
  }

  function upload(
    { method, query, headers }: UploadRequest,
    repository: string,
    id: string,
    body: Uint8Array,
    reply: (status: number, headers?: Record<string, string>, body?: string) => void,
  ): void {
    const at = (id: string) => ({
      location: location(`/v2/${repository}/blobs/uploads/${id}?_state=${id}`, url),
    });
    if (method === "POST") {
      const [mount, from] = [query.get("mount"), query.get("from")];
      const bytes = mounts && mount && from ? blobs.get(from)?.get(mount) : undefined;
      if (bytes) {
        store(repository, bytes);
        return reply(201, named(mount!));
      }
      const made = crypto.randomUUID();
      sessions.set(made, { repository, bytes: [] });
      const least = options.least === undefined ? {} : {
        "oci-chunk-min-length": String(options.least),
      };
      return reply(202, { ...at(made), range: "0-0", ...least });
    }
    const session = sessions.get(id);
    if (!session || query.get("_state") !== id) {
      return reply(404, {}, error("BLOB_UPLOAD_UNKNOWN"));
    }
    const size = sizeOf(session);
    if (method === "GET") return reply(204, { ...at(id), range: rangeOf(size) });
    if (method === "DELETE") {
      sessions.delete(id);
      return reply(204);
    }
    const [, start] = /^(\d+)-\d+$/.exec(headers.get("content-range") ?? "") ?? [];
    if (method === "PATCH" && Number(start) !== size) {
      return reply(416, { ...at(id), range: rangeOf(size) }, error("RANGE_INVALID"));
    }
    session.bytes.push(body);
    if (method === "PATCH") {
      const told = options.tells === "chunk" ? body.length : sizeOf(session);
      return reply(202, { ...at(id), range: rangeOf(told) });
    }
    const bytes = joined(session.bytes);
    sessions.delete(id);
    if (digestOf(bytes) !== query.get("digest")) return reply(400, {}, error("DIGEST_INVALID"));
    store(repository, bytes);
    reply(201, named(digestOf(bytes)));
  }

  function putManifest(
    repository: string,
    reference: string,
    bytes: Uint8Array,
    headers: Headers,
    reply: (status: number, headers?: Record<string, string>, body?: string) => void,
  ): void {
    const { config, layers } = JSON.parse(new TextDecoder().decode(bytes));
    for (const { digest } of [...(config ? [config] : []), ...layers]) {
      if (!blobs.get(repository)?.has(digest)) {
        return reply(400, {}, error("MANIFEST_BLOB_UNKNOWN"));
      }
    }
    const all = manifests.get(repository) ?? new Map<string, StoredManifest>();
    manifests.set(repository, all);
    const stored = { bytes, type: headers.get("content-type") ?? "" };
    all.set(reference, stored).set(digestOf(bytes), stored);
    reply(201, named(digestOf(bytes)));
  }

  function store(repository: string, bytes: Uint8Array): void {
    const all = blobs.get(repository) ?? new Map<string, Uint8Array>();
    blobs.set(repository, all.set(digestOf(bytes), bytes));
  }

  function named(digest: string): Record<string, string> {
    return names ? { "docker-content-digest": digest } : {};
  }

  const server = options.tls
    ? https.createServer(options.tls, listener)
    : http.createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const host = `127.0.0.1:${port}`;
  url = `${options.tls ? "https" : "http"}://${host}`;
  return {
    host,
    url,
    requests,
    blobs,
    manifests,
    get received() {
      return received;
    },
    get fault() {
      return fault;
    },
    set fault(hook) {
      fault = hook;
    },
    forget: () => sessions.clear(),
    get open() {
      return sessions.size;
    },
    asked: () => requests.map(({ method, path }) => `${method} ${path.split("/").at(-2)}`),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** The form of registries: an upload without bytes looks like one with a single byte. */
function rangeOf(size: number): string {
  return `0-${Math.max(0, size - 1)}`;
}

function sizeOf({ bytes }: Session): number {
  return bytes.reduce((sum, piece) => sum + piece.length, 0);
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function error(code: string): string {
  return JSON.stringify({ errors: [{ code, message: code.toLowerCase().replaceAll("_", " ") }] });
}
