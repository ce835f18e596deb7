/** What is taken over as the beginning of a partial file: what other programs, places or damage have left of a blob. */

import type { BlobWatcher } from "../../../core/content.ts";
import type { Descriptor } from "../../../core/manifest.ts";
import type { Disk, Ownership } from "../../../io/disk.ts";
import type { BlobPaths, Paths } from "../../layout/paths.ts";

export interface AdoptTools {
  readonly disk: Disk;
  readonly paths: Paths;
  readonly ownership: Ownership;
  /** The boot time that positions are valid for, in seconds since 1970. */
  readonly boot: number;
  /** What checkpoints name as their writer. */
  readonly tool: string;
  /** A new name for what is about to be renamed. */
  readonly temporary: () => string;
}

/** The blob, whose lock is held and which has no partial file, or an empty one, and who waits for it. */
export interface Adoption {
  readonly blob: Descriptor;
  readonly at: BlobPaths;
  readonly signal: AbortSignal;
  readonly watcher: Pick<BlobWatcher, "verifying">;
}

/**
 * Makes the partial file if there is something to take over, in one step that replaces an empty one, after the checkpoint
 * that says which bytes are there. False: there is nothing, or another program is using it. On failure, and after a kill
 * at any moment, what was left is as before, or the partial file is complete.
 */
export type Adopter = (tools: AdoptTools, adoption: Adoption) => Promise<boolean>;
