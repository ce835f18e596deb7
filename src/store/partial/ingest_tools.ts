/** What the parts of an unfinished blob work with. */

import type { BlobWatcher } from "../../core/content.ts";
import type { PrefixDigest } from "../../core/ranges.ts";
import type { Disk, Ownership } from "../../io/disk.ts";
import type { Hasher } from "../../io/hash.ts";
import type { BlobPaths } from "../layout/paths.ts";

export interface IngestTools {
  readonly disk: Disk;
  readonly hasher: Hasher;
  readonly at: BlobPaths;
  /** A new path for a file that is about to be renamed. */
  readonly temporary: () => string;
  readonly ownership: Ownership;
  /** The boot time that positions are valid for, in seconds since 1970. */
  readonly boot: number;
  /** What checkpoints name as their writer, such as `pullama/0.1.0`. */
  readonly tool: string;
  /** Called before the file gets its final name, with prefix digests of all of it. */
  readonly proved: (digests: readonly PrefixDigest[]) => Promise<void>;
  /** Called with the finished file while the lock is still held. */
  readonly finished: (path: string) => Promise<void>;
  readonly watcher: Pick<BlobWatcher, "lost" | "distrusted">;
}
