/**
 * SHA-256 of growing files, off the main thread: one worker reads back from disk what was written.
 * Requests are divided into slices, and urgent ones (a checkpoint on a signal) go first.
 */

import { type Digest, digestOf, hexOf } from "../core/digest.ts";
import { PullamaError } from "../core/errors.ts";
import { fileError } from "./file_error.ts";

export type HashRequest =
  | {
    readonly id: number;
    readonly do: "extend";
    readonly run: number;
    readonly path: string;
    readonly start: number;
    readonly end: number;
    /** Saves the state of the run: if a later `expect` does not match, the run is reset to it. */
    readonly anchor?: boolean;
    readonly expect?: string;
  }
  | {
    readonly id: number;
    readonly do: "sync";
    readonly run: number;
    readonly path: string;
    readonly start: number;
  }
  | { readonly id: number; readonly do: "close"; readonly run: number };

/** The file that is being hashed, whatever its path names by now. Time in milliseconds since 1970. */
export interface HashedFile {
  readonly dev: number;
  /** Null where the system has none. */
  readonly ino: number | null;
  readonly size: number;
  readonly mtimeMs: number;
  readonly uid: number | null;
  readonly isFile: boolean;
}

export interface HashResponse {
  readonly id: number;
  readonly hex?: string;
  readonly file?: HashedFile;
  readonly failure?: { readonly message: string; readonly code?: string };
}

/** Bytes hashed per request to the worker: about 20 ms, the longest that urgent work waits. */
const SLICE = 32 * 1024 * 1024;
/** Requests sent to the worker at a time, so that it never idles between two. */
const AHEAD = 2;

interface Pending {
  readonly request: HashRequest;
  readonly urgent: boolean;
  readonly settle: PromiseWithResolvers<HashResponse>;
}

/** The worker and its queue. Must be disposed: a worker keeps the process alive. */
export class Hasher implements Disposable {
  #worker: Worker | undefined;
  #next = 1;
  #waiting: Pending[] = [];
  #working = new Map<number, Pending>();
  #ended = false;

  /** A hash over `path` from `start`. The file is opened by the first `extend`. */
  follow(path: string, start: number): HashRun {
    return new HashRun(this.#next++, path, start, (request, urgent) => this.#ask(request, urgent));
  }

  /** Whether it was disposed, or its worker has failed: then a new one is needed. */
  get ended(): boolean {
    return this.#ended;
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    this.#worker?.terminate();
    this.#worker = undefined;
    const left = [...this.#working.values(), ...this.#waiting];
    this.#working.clear();
    this.#waiting = [];
    for (const { settle } of left) settle.reject(ended());
  }

  #ask(make: (id: number) => HashRequest, urgent: boolean): Promise<HashResponse> {
    if (this.#ended) return Promise.reject(ended());
    const pending = {
      request: make(this.#next++),
      urgent,
      settle: Promise.withResolvers<HashResponse>(),
    };
    const before = urgent ? this.#waiting.findIndex((other) => !other.urgent) : -1;
    if (before === -1) this.#waiting.push(pending);
    else this.#waiting.splice(before, 0, pending);
    this.#feed();
    return pending.settle.promise;
  }

  #feed(): void {
    while (this.#working.size < AHEAD) {
      const pending = this.#waiting.shift();
      if (!pending) return;
      const { request, settle } = pending;
      try {
        this.#start(request).postMessage(request);
        this.#working.set(request.id, pending);
      } catch (error) {
        settle.reject(error);
      }
    }
  }

  #start(first: HashRequest): Worker {
    if (this.#worker) return this.#worker;
    if ("path" in first && first.path.startsWith("/")) leaveRemovedFolder();
    const worker = new Worker(new URL("./hash_worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<HashResponse>) => this.#settle(data);
    worker.onerror = (event) => {
      event.preventDefault();
      const failure = new PullamaError("internal", `the hash worker failed: ${event.message}`);
      for (const { settle } of this.#working.values()) settle.reject(failure);
      this.#working.clear();
      this[Symbol.dispose]();
    };
    return this.#worker = worker;
  }

  #settle(response: HashResponse): void {
    const { id, failure } = response;
    const pending = this.#working.get(id);
    if (!pending) return;
    this.#working.delete(id);
    this.#feed();
    if (failure) {
      const path = "path" in pending.request ? pending.request.path : "";
      pending.settle.reject(
        fileError(Object.assign(new Error(failure.message), failure), "read", path),
      );
    } else pending.settle.resolve(response);
  }
}

function ended(): PullamaError {
  return new PullamaError("internal", "the hash worker was terminated");
}

/** No worker can be started in a working directory that has been removed. */
function leaveRemovedFolder(): void {
  try {
    Deno.cwd();
  } catch {
    Deno.chdir("/");
  }
}

/** A running SHA-256 over `[start, position)` of a file. Calls of `extend` must not overlap. */
export class HashRun {
  #position: number;
  #digest: Digest | undefined;
  #opened = false;
  #closed = false;

  constructor(
    readonly id: number,
    readonly path: string,
    readonly start: number,
    private readonly ask: (
      make: (id: number) => HashRequest,
      urgent: boolean,
    ) => Promise<HashResponse>,
  ) {
    this.#position = start;
  }

  /** The end of the hashed range. */
  get position(): number {
    return this.#position;
  }

  /** The digest of `[start, position)`; undefined before the first byte. */
  get digest(): Digest | undefined {
    return this.#digest;
  }

  /**
   * Hashes up to `end`. Resolves with whether the file was long enough and, if `expect` is given,
   * whether the digest of `[start, end)` matches; if not, the run is reset to its state before the
   * call. If the run is closed meanwhile, resolves with false at the next slice.
   */
  async extend(end: number, expect?: Digest, urgent = false): Promise<boolean> {
    const before = { position: this.#position, digest: this.#digest };
    for (let first = true; this.#position < end; first = false) {
      if (this.#closed) return false;
      const to = Math.min(end, this.#position + SLICE);
      const wanted = to === end && expect !== undefined ? hexOf(expect) : undefined;
      this.#opened = true;
      const { hex = "" } = await this.ask((id) => ({
        id,
        do: "extend",
        run: this.id,
        path: this.path,
        start: this.start,
        end: to,
        anchor: first,
        ...(wanted === undefined ? {} : { expect: wanted }),
      }), urgent);
      if (hex === "" || (wanted !== undefined && hex !== wanted)) {
        this.#position = before.position;
        this.#digest = before.digest;
        return false;
      }
      this.#position = to;
      this.#digest = digestOf(hex);
    }
    return expect === undefined || this.#digest === expect;
  }

  /**
   * Syncs the data of the file and resolves with what it is, opening it if need be. Rejects if it cannot be
   * opened or synced.
   */
  async sync(): Promise<HashedFile> {
    this.#opened = true;
    const { id: run, path, start } = this;
    const { file } = await this.ask((id) => ({ id, do: "sync", run, path, start }), false);
    return file!;
  }

  /** Closes the worker's file handle. The run cannot be used afterwards. */
  async close(): Promise<void> {
    this.#closed = true;
    if (!this.#opened) return;
    this.#opened = false;
    await this.ask((id) => ({ id, do: "close", run: this.id }), false).catch(() => {});
  }
}
