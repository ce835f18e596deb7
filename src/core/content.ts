/**
 * The contract between the engine and what it works on: a `Source`, where models come from, and a `Store`, where
 * they go to. Registry and models folder implement it by name; neither knows of the engine. Every implementation
 * has to pass the suites in `tests/contract`.
 */

import type { Digest } from "./digest.ts";
import type { PullamaError } from "./errors.ts";
import type { Descriptor, Manifest } from "./manifest.ts";
import type { ModelName } from "./name.ts";
import type { Chunk, Range } from "./ranges.ts";

/** The response to a request for a range of a blob. */
export interface BlobBody {
  /**
   * The bytes that follow: from the requested start on, possibly ending earlier. A server that ignores ranges sends
   * the whole blob: then this is all of it, and `ranged` is false.
   */
  readonly range: Range;
  readonly ranged: boolean;
  /** A byte stream. It may end early without an error: the reader has to count. */
  readonly stream: ReadableStream<Uint8Array>;
  /** Who sends it, for people: the URL of a mirror, or the host of a registry; absent where there is no choice. */
  readonly from?: string;
  /**
   * To be called once with the offset that the reader has reached, and the failure that ended the body early, if one
   * did. True: another source sends the rest, if it is requested now.
   */
  readonly ended?: (position: number, error?: PullamaError) => boolean;
  /** Aborted when its bytes are of no use any longer: reading then ends with the reason. */
  readonly left?: AbortSignal;
}

/** Where manifests come from. Every failure is a PullamaError; nothing is retried in here. */
export interface ManifestSource {
  /**
   * Rejects with kind `not_found` where there is no such model, and with `moved` where it has another manifest than the
   * one that the name is pinned to. The bytes of the manifest are as received.
   */
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
  /** Whether requests for parts of the blob are responded to with these; undefined: that is not known yet. */
  sendsRanges(name: ModelName, blob: Descriptor): boolean | undefined;
  /**
   * Bytes of the blob were wrong, those of `range` where that is known: the next request looks for another address of
   * them. Returns what was received from a source that is not asked for this blob again; empty: there is no other.
   */
  forgetAddress(name: ModelName, blob: Descriptor, range?: Range): readonly Range[];
}

/** Where models come from. */
export interface Source extends ManifestSource, BlobSource {}

/** Writes at the end of one range of a blob, one write at a time. */
export interface Writer {
  /** The offset of the next byte. */
  readonly position: number;
  write(bytes: Uint8Array): Promise<void>;
  close(): void;
}

/**
 * An unfinished blob, owned until disposed. Disposing keeps everything that was written for a later run, unless the
 * blob was sealed.
 */
export interface Ingest extends AsyncDisposable {
  readonly blob: Descriptor;
  /** Bytes on disk that need not be downloaded, at this moment. */
  kept(): number;
  /**
   * Sets the chunks of the blob. Those with a digest are compared as soon as they are complete, unless the digests
   * turned out to be wrong. Returns what has to be downloaded.
   */
  plan(chunks: readonly Chunk[]): Range[];
  writer(start: number): Promise<Writer>;
  /** Syncs and records what was written; returns how many bytes of the blob would survive a power cut. */
  checkpoint(): Promise<number>;
  /**
   * Verifies the digest and makes it a finished blob. "incomplete": some bytes turned out to be wrong and were
   * reported as lost. "mismatch": all bytes are there, and the digest does not match.
   */
  seal(): Promise<"sealed" | "incomplete" | "mismatch">;
  /** The digest of the bytes, after `seal` returned "mismatch". */
  readonly actual: Digest | undefined;
  /** After a mismatch: drops the bytes without a trusted origin. Returns how many they were. */
  dropDoubtful(): Promise<number>;
  /** How many of `bytes`, from the first on, equal those on disk from `at` on. */
  matchingPrefix(bytes: Uint8Array, at: number): Promise<number>;
  /** Discards the bytes of `range`, also for a run after a kill; they may then be written again. Returns how many. */
  forget(range: Range): Promise<number>;
  /** How far the blob was compared with a second download, in bytes; set by the caller, and kept for a later run. */
  searched: number;
}

/** How much of a blob there is, found without taking a lock or changing anything. */
export interface BlobStatus {
  readonly blob: Descriptor;
  /** "unproven": a file of the right name and size is there, but was not verified yet. */
  readonly state: "present" | "unproven" | "missing";
  /** Bytes that need not be downloaded, as far as is known. */
  readonly kept: number;
}

/** What a store reports while it works on a blob. */
export interface BlobWatcher {
  /** Bytes that counted as kept or written have to be downloaded again. */
  lost(range: Range, count: number, reason: string): void;
  /** The registry's chunk digests turned out to be wrong; they are no longer compared. */
  distrusted(): void;
  /** Another process holds the blob, or the store. */
  waiting(holder: string | undefined): void;
  /** An existing file is being verified; `done` bytes of it are hashed. */
  verifying(done: number): void;
}

/** Bytes of unfinished blobs. */
export interface UnfinishedBytes {
  readonly own: number;
  readonly others: number;
}

/** The blobs that a model needs, and which of them may have to be downloaded. */
export interface PullIntent {
  readonly name: ModelName;
  /** Those that are missing, or not known to be right. */
  readonly digests: ReadonlySet<Digest>;
  /** The other blobs of the model, which are there and needed as well. */
  readonly present?: ReadonlySet<Digest>;
  /** The size of all blobs of the model, in bytes, if known. */
  readonly size?: number;
  /** Those of `digests` together that are not in blobs/, in bytes. */
  readonly missing?: number;
  /** The hours at which it is downloaded, as the user gave them; absent: at any time. */
  readonly hours?: string;
}

/** The room for blobs, in bytes; undefined where that is unknown, or there is no limit that matters. */
export interface Room {
  readonly free: number | undefined;
  readonly largestFile: number | undefined;
}

/** Where models go. */
export interface Store {
  /** The name under which the model is stored: an installed spelling is used again. */
  spelling(name: ModelName): Promise<ModelName>;
  survey(blobs: readonly Descriptor[]): Promise<readonly BlobStatus[]>;
  room(): Promise<Room>;
  /** The digest of the manifest under this name; undefined: there is none that can be read. */
  installed(name: ModelName): Promise<Digest | undefined>;
  /**
   * Removes blobs that only manifests used which pulls have replaced, and returns the bytes that were freed. While
   * another pull is running it removes nothing: a later call does.
   */
  dropReplaced(): Promise<number>;
  /** Bytes that would be freed by removing everything unfinished: of `blobs`, and of all others. */
  unfinishedBytes(blobs: readonly Descriptor[]): Promise<UnfinishedBytes>;
  /**
   * Takes part in the store until disposed: no other process removes unfinished blobs meanwhile. Unfinished blobs of
   * `intent` are known to be of that model, also after the pull has failed.
   */
  enter(
    signal: AbortSignal,
    waiting: BlobWatcher["waiting"],
    intent?: PullIntent,
  ): Promise<Session>;
}

export interface Session extends AsyncDisposable {
  /** Whether the blob is there, hashing it if it was not verified yet. A file with wrong content is moved aside. */
  verifyOrQuarantine(blob: Descriptor, signal: AbortSignal, watcher: BlobWatcher): Promise<boolean>;
  /** Takes a blob to write, waiting for another process that does. Undefined: the blob is there. */
  ingest(blob: Descriptor, signal: AbortSignal, watcher: BlobWatcher): Promise<Ingest | undefined>;
  /** Stores a small blob in one step if these are its bytes. Returns their digest. */
  put(blob: Descriptor, bytes: Uint8Array): Promise<Digest>;
  /**
   * Makes the model visible: all blobs under their names, then the manifest. Returns the blobs that were removed
   * meanwhile and must be downloaded again; none: done.
   */
  commit(name: ModelName, manifest: Manifest): Promise<readonly Descriptor[]>;
}
