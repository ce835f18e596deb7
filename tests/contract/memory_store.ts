/** A store in memory: the least that the contract asks for, without a disk. It forgets nothing, so nothing is doubtful. */

import type {
  BlobStatus,
  BlobWatcher,
  Ingest,
  PullIntent,
  Room,
  Session,
  Store,
  UnfinishedBytes,
  Writer,
} from "../../src/core/content.ts";
import type { Digest } from "../../src/core/digest.ts";
import { type Descriptor, distinctBlobs, type Manifest } from "../../src/core/manifest.ts";
import { fullName, type ModelName } from "../../src/core/name.ts";
import { type Chunk, missing, type Range, subtract, total, union } from "../../src/core/ranges.ts";
import { orAborted } from "../../src/io/abort.ts";
import { sha256 } from "./memory_source.ts";

interface Unfinished {
  readonly bytes: Uint8Array;
  have: Range[];
  searched: number;
}

export class MemoryStore implements Store {
  readonly models = new Map<string, Manifest>();
  readonly blobs = new Map<Digest, Uint8Array>();
  readonly unfinished = new Map<Digest, Unfinished>();
  readonly locks = new Map<Digest, Promise<void>>();

  spelling(name: ModelName): Promise<ModelName> {
    return Promise.resolve(name);
  }

  survey(blobs: readonly Descriptor[]): Promise<BlobStatus[]> {
    return Promise.resolve(blobs.map((blob): BlobStatus => {
      const { digest, size } = blob;
      if (this.blobs.has(digest)) return { blob, state: "present", kept: size };
      return { blob, state: "missing", kept: total(this.unfinished.get(digest)?.have ?? []) };
    }));
  }

  installed(name: ModelName): Promise<Digest | undefined> {
    return Promise.resolve(this.models.get(fullName(name))?.digest);
  }

  dropReplaced(): Promise<number> {
    return Promise.resolve(0);
  }

  room(): Promise<Room> {
    return Promise.resolve({ free: undefined, largestFile: undefined });
  }

  unfinishedBytes(blobs: readonly Descriptor[]): Promise<UnfinishedBytes> {
    const bytes = { own: 0, others: 0 };
    for (const [digest, { have }] of this.unfinished) {
      const own = blobs.some((blob) => blob.digest === digest);
      bytes[own ? "own" : "others"] += total(have);
    }
    return Promise.resolve(bytes);
  }

  enter(
    signal: AbortSignal,
    _waiting: BlobWatcher["waiting"],
    _intent?: PullIntent,
  ): Promise<Session> {
    if (signal.aborted) return Promise.reject(signal.reason);
    return Promise.resolve(new MemorySession(this));
  }
}

class MemorySession implements Session {
  constructor(private readonly store: MemoryStore) {}

  verifyOrQuarantine({ digest }: Descriptor): Promise<boolean> {
    return Promise.resolve(this.store.blobs.has(digest));
  }

  async ingest(
    blob: Descriptor,
    signal: AbortSignal,
    watcher: BlobWatcher,
  ): Promise<Ingest | undefined> {
    const { locks, unfinished, blobs } = this.store;
    for (let held = locks.get(blob.digest); held; held = locks.get(blob.digest)) {
      watcher.waiting("this process");
      await orAborted(held, signal);
    }
    if (blobs.has(blob.digest)) return undefined;
    const lock = Promise.withResolvers<void>();
    locks.set(blob.digest, lock.promise);
    const state = unfinished.get(blob.digest) ??
      { bytes: new Uint8Array(blob.size), have: [], searched: 0 };
    unfinished.set(blob.digest, state);
    return new MemoryIngest(blob, this.store, state, watcher, () => {
      locks.delete(blob.digest);
      lock.resolve();
    });
  }

  put(blob: Descriptor, bytes: Uint8Array): Promise<Digest> {
    const actual = sha256(bytes);
    if (actual === blob.digest) this.store.blobs.set(actual, bytes.slice());
    return Promise.resolve(actual);
  }

  commit(name: ModelName, manifest: Manifest): Promise<readonly Descriptor[]> {
    const lost = distinctBlobs(manifest).filter(({ digest }) => !this.store.blobs.has(digest));
    if (lost.length === 0) this.store.models.set(fullName(name), manifest);
    return Promise.resolve(lost);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

class MemoryIngest implements Ingest {
  #chunks: readonly Chunk[] = [];
  #copies = new Map<number, Digest>();

  constructor(
    readonly blob: Descriptor,
    private readonly store: MemoryStore,
    private readonly state: Unfinished,
    private readonly watcher: BlobWatcher,
    private readonly release: () => void,
  ) {}

  get actual(): Digest {
    return sha256(this.state.bytes);
  }

  get searched(): number {
    return this.state.searched;
  }

  set searched(to: number) {
    this.state.searched = to;
  }

  kept(): number {
    return total(this.state.have);
  }

  plan(chunks: readonly Chunk[]): Range[] {
    this.#chunks = chunks.filter(({ digest }) => digest !== undefined);
    return missing(chunks, this.state.have);
  }

  writer(start: number): Promise<Writer> {
    const { state } = this;
    const check = () => this.#check();
    const writer = {
      position: start,
      write(bytes: Uint8Array) {
        state.bytes.set(bytes, writer.position);
        const end = writer.position + bytes.length;
        state.have = union([...state.have, { start: writer.position, end }]);
        writer.position = end;
        return Promise.resolve();
      },
      close: check,
    };
    return Promise.resolve(writer);
  }

  checkpoint(): Promise<number> {
    return Promise.resolve(this.kept());
  }

  seal(): Promise<"sealed" | "incomplete" | "mismatch"> {
    const { blob, state, store } = this;
    if (this.kept() < blob.size) return Promise.resolve("incomplete");
    if (this.actual !== blob.digest) return Promise.resolve("mismatch");
    store.blobs.set(blob.digest, state.bytes);
    store.unfinished.delete(blob.digest);
    return Promise.resolve("sealed");
  }

  dropDoubtful(): Promise<number> {
    return Promise.resolve(0);
  }

  matchingPrefix(bytes: Uint8Array, at: number): Promise<number> {
    const differs = bytes.findIndex((byte, i) => byte !== this.state.bytes[at + i]);
    return Promise.resolve(differs === -1 ? bytes.length : differs);
  }

  forget(range: Range): Promise<number> {
    const before = this.kept();
    this.state.have = subtract(this.state.have, [range]);
    return Promise.resolve(before - this.kept());
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.release();
    return Promise.resolve();
  }

  #check(): void {
    for (const chunk of this.#chunks) {
      const { start, end, digest } = chunk;
      if (subtract([chunk], this.state.have).length > 0) continue;
      const actual = sha256(this.state.bytes.subarray(start, end));
      if (actual === digest) continue;
      if (this.#copies.get(start) === actual) {
        this.#chunks = [];
        this.watcher.distrusted();
        return;
      }
      this.#copies.set(start, actual);
      this.state.have = subtract(this.state.have, [chunk]);
      this.watcher.lost(chunk, end - start, "digest mismatch of a chunk");
    }
  }
}
