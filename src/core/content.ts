/**
 * The contract between the engine and what it works on: a `Source`, where models come from, and a `Store`, where
 * they go to. Registry and models folder implement it by name; neither knows of the engine. Every implementation
 * has to pass the suites in `tests/contract`.
 */

import type { Digest } from "./digest.ts";
import type { Descriptor, Manifest } from "./manifest.ts";
import type { ModelName } from "./name.ts";
import type { Chunk, Range } from "./ranges.ts";

/** The answer to a request for a range of a blob. */
export interface BlobBody {
  /**
   * The bytes that come: they begin where they were asked for and may end earlier. A server that does
   * not do ranges sends the whole blob: then this is all of it, and `ranged` is false.
   */
  readonly range: Range;
  readonly ranged: boolean;
  /** A byte stream. It may end early without an error: who reads it counts. */
  readonly stream: ReadableStream<Uint8Array>;
}

/** Where manifests come from. Every failure is a PullamaError; nothing is retried in here. */
export interface ManifestSource {
  /** Rejects with kind `not_found` where there is no such model. The bytes of the manifest are as received. */
  manifest(name: ModelName, signal: AbortSignal): Promise<Manifest>;
}

/** Where blobs come from. Every failure is a PullamaError; nothing is retried in here. */
export interface BlobSource {
  /** The source's own chunks with their digests; undefined where it has none. Never fails a pull. */
  chunksums(
    name: ModelName,
    blob: Descriptor,
    signal: AbortSignal,
  ): Promise<readonly Chunk[] | undefined>;
  /** The bytes of `range`, which is not empty. Aborting `signal` also ends the body: give each call its own. */
  open(name: ModelName, blob: Descriptor, range: Range, signal: AbortSignal): Promise<BlobBody>;
  /** What came of the blob was wrong: if it can be had from another place, that is where it should come from. */
  forgetAddress(name: ModelName, blob: Descriptor): void;
}

/** Where models come from. */
export interface Source extends ManifestSource, BlobSource {}

/** Bytes arriving at the end of one range of a blob. One write at a time. */
export interface Writer {
  /** Where the next byte goes. */
  readonly position: number;
  write(bytes: Uint8Array): Promise<void>;
  close(): void;
}

/**
 * An unfinished blob, owned until disposed. Disposing keeps everything that was written for a later
 * run, unless the blob was sealed.
 */
export interface Ingest extends AsyncDisposable {
  readonly blob: Descriptor;
  /** Bytes on disk that need not be fetched, at this moment. */
  kept(): number;
  /**
   * Tells what the blob is made of. Chunks with a digest are compared as soon as they are whole, until they
   * were found to lie. Returns what has to be fetched.
   */
  plan(chunks: readonly Chunk[]): Range[];
  writer(start: number): Promise<Writer>;
  /** Brings what has arrived to disk and notes it; returns how many bytes of the blob are safe now. */
  checkpoint(): Promise<number>;
  /**
   * Compares the whole with its digest and moves it to the finished blobs. "incomplete": some bytes turned
   * out to be wrong on the way and were reported as lost. "mismatch": all are there and the whole is wrong.
   */
  seal(): Promise<"sealed" | "incomplete" | "mismatch">;
  /** The digest of what is there, once `seal` said "mismatch". */
  readonly actual: Digest | undefined;
  /**
   * After a mismatch: drops the bytes that nobody vouched for. Returns how many they were.
   */
  dropDoubtful(): Promise<number>;
  /** How many of `bytes`, from the first on, are those on disk from `at` on. */
  matchingPrefix(bytes: Uint8Array, at: number): Promise<number>;
  /** The bytes of `range` are not believed any more, also after a kill; they may then be written again. */
  forget(range: Range): Promise<number>;
  /**
   * How far the blob was gone through for wrong bytes, in bytes from its beginning; a later run goes on
   * there. Whoever goes through it sets it.
   */
  searched: number;
}

/** How far a blob is, found without taking a lock or changing anything. */
export interface BlobStatus {
  readonly blob: Descriptor;
  /** "unproven": a file of the right name is there, but nobody remembers to have hashed it. */
  readonly state: "present" | "unproven" | "missing";
  /** Bytes that need not be fetched, as far as can be told. */
  readonly kept: number;
}

/** What a store reports while it works on a blob. */
export interface BlobWatcher {
  /** Bytes that counted as kept or written have to be fetched again. */
  lost(range: Range, count: number, reason: string): void;
  /** Chunks that the registry gave digests for are not what these say, over and over. They do not count any more. */
  distrusted(): void;
  /** Another process holds the blob, or the store. */
  waiting(holder: string | undefined): void;
  /** An existing file is hashed before it is believed. */
  verifying(done: number): void;
}

/** Bytes of unfinished blobs. */
export interface UnfinishedBytes {
  readonly own: number;
  readonly others: number;
}

/** Blobs that have to be fetched for a model. */
export interface PullIntent {
  readonly name: ModelName;
  readonly digests: ReadonlySet<Digest>;
}

/** Where models go. */
export interface Store {
  /** The name under which the model is stored: an installed spelling is used again. */
  spelling(name: ModelName): Promise<ModelName>;
  survey(blobs: readonly Descriptor[]): Promise<readonly BlobStatus[]>;
  /** Bytes that can be written; undefined where that cannot be known. */
  free(): number | undefined;
  /** Bytes of the largest file that it takes; undefined where that does not matter. */
  largestFile(): number | undefined;
  /** Bytes that would come free if everything unfinished were removed: of `blobs`, and of all others. */
  unfinishedBytes(blobs: readonly Descriptor[]): Promise<UnfinishedBytes>;
  /**
   * Takes part in the store until disposed: nobody removes what is unfinished meanwhile. What is left of `intent`
   * after a pull that did not come to its end is known to be of that model.
   */
  enter(
    signal: AbortSignal,
    waiting: BlobWatcher["waiting"],
    intent?: PullIntent,
  ): Promise<Session>;
}

export interface Session extends AsyncDisposable {
  /**
   * Whether the blob is there, hashing it if nobody remembers it. A file with the right name and wrong
   * content is moved aside.
   */
  verifyOrQuarantine(blob: Descriptor, signal: AbortSignal, watcher: BlobWatcher): Promise<boolean>;
  /** Takes a blob to work on; waits for another process that does. Undefined: the blob is there. */
  ingest(blob: Descriptor, signal: AbortSignal, watcher: BlobWatcher): Promise<Ingest | undefined>;
  /** Stores a small blob at once if these are its bytes. Returns the digest that they have. */
  put(blob: Descriptor, bytes: Uint8Array): Promise<Digest>;
  /**
   * Makes the model visible: all blobs under their names, then the manifest. Returns the blobs that have
   * vanished meanwhile and must be fetched again; none: done.
   */
  commit(name: ModelName, manifest: Manifest): Promise<readonly Descriptor[]>;
}
