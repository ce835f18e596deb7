/** Taking over a partial download from where it was before blobs/ was on another file system. */

import type { Descriptor } from "../../core/manifest.ts";
import { replaceFile } from "../../io/atomic.ts";
import type { Disk, Ownership } from "../../io/disk.ts";
import { openForReading } from "../../io/guarded.ts";
import { tryLockExisting } from "../../io/lock.ts";
import { exists, lstatOf } from "../../io/stat.ts";
import { type BlobPaths, blobPaths, type Paths } from "../layout/paths.ts";
import { readCheckpointFile } from "./checkpoint.ts";
import { readResume } from "./resume.ts";

const PIECE = 1024 * 1024;

export interface FormerPlace {
  readonly disk: Disk;
  readonly paths: Paths;
  readonly ownership: Ownership;
  readonly boot: number;
  /** A new name for what is about to be renamed. */
  readonly temporary: () => string;
}

/**
 * Copies what the checkpoint of the former partial file has to a new one at `at`, which nothing else writes to, unless
 * there is one already, or an older pullama is using the former one. Then removes that.
 */
export async function adoptFormer(
  { disk, paths, ownership, boot, temporary }: FormerPlace,
  blob: Descriptor,
  at: BlobPaths,
): Promise<void> {
  const { former } = paths;
  if (former === undefined || await exists(at.partial)) return;
  const from = blobPaths({ ...paths, ...former }, blob.digest);
  if (!(await lstatOf(from.partial))?.isFile) return;
  using guard = await tryLockExisting(from.partial);
  if (!guard) return;
  const { claims } = await readResume(from, blob, boot, false);
  const checkpoint = await readCheckpointFile(from.checkpoint);
  const draft = temporary();
  try {
    using source = await openForReading(from.partial);
    using target = await disk.open(draft, "new");
    await disk.own(draft, ownership);
    const buffer = new Uint8Array(PIECE);
    for (const { start, end } of claims) {
      await source.seek(start, Deno.SeekMode.Start);
      for (let position = start; position < end;) {
        const read = await source.read(buffer.subarray(0, Math.min(PIECE, end - position)));
        if (read === null) break;
        await target.writeAt(buffer.subarray(0, read), position);
        position += read;
      }
    }
    await target.sync();
    target.close();
    // A checkpoint without its file claims nothing.
    if (checkpoint) await replaceFile(disk, at.checkpoint, temporary(), checkpoint, ownership);
    await disk.rename(draft, at.partial);
  } catch (error) {
    await disk.remove(draft).catch(() => {});
    throw error;
  }
  for (const path of [from.checkpoint, from.positions, from.partial]) await disk.remove(path);
}
