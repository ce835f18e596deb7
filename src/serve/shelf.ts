/** What a server needs of what it serves. A models folder fits by shape. */

import type { Digest } from "../core/digest.ts";
import type { Range } from "../core/ranges.ts";
import type { Repository } from "./target.ts";

export interface ServedManifest {
  /** As stored, byte for byte. */
  readonly bytes: Uint8Array;
  readonly digest: Digest;
  readonly mediaType: string;
}

/** A blob that is open; disposing closes it. */
export interface ServedBlob extends Disposable {
  readonly size: number;
  /**
   * Whether the first byte of `range` may be read. False: all of it waits for a digest that is being hashed, and did so
   * for some seconds.
   */
  ready(range: Range): Promise<boolean>;
  /** Before `read`: the bytes that will be read. */
  begin(range: Range): void;
  /**
   * Reads the next bytes into `buffer`. Returns how many; 0 before the end of the range: the content turned out to be
   * wrong, or the file was changed.
   */
  read(buffer: Uint8Array<ArrayBuffer>): Promise<number>;
}

export interface RepositoryTags {
  /** As in a path of this server. */
  readonly name: string;
  readonly tags: readonly string[];
}

/** All that may be seen. Every method rejects with a PullamaError where the folder cannot be read. */
export interface Shelf {
  /** By a tag or a digest; undefined: there is no such manifest of a complete model that is served. */
  manifest(of: Repository, reference: string): Promise<ServedManifest | undefined>;
  /**
   * A blob that a served model of this repository uses. "checking": it has changed since it was verified, and is being
   * hashed.
   */
  blob(of: Repository, digest: Digest): Promise<ServedBlob | "checking" | undefined>;
  repositories(): Promise<readonly RepositoryTags[]>;
  tags(of: Repository): Promise<RepositoryTags | undefined>;
}
