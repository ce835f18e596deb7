/** Copying what is taken over to a new partial file. */

import type { Range } from "../../../core/ranges.ts";
import { folderOf, replaceFile } from "../../../io/atomic.ts";
import type { DiskFile } from "../../../io/disk.ts";
import { isReadFailure } from "../../../io/file_error.ts";
import { openForReading } from "../../../io/guarded.ts";
import type { Adoption, AdoptTools } from "./adopter.ts";

const PIECE = 1024 * 1024;

/**
 * Copies `ranges` of the file `from` to the same offsets of a new partial file. `checkpointFor` makes its checkpoint, given
 * what cannot be read. When this resolves both are durable; when it rejects nothing has changed.
 */
export async function copyToPartial(
  { disk, ownership, temporary }: AdoptTools,
  { at, signal, watcher }: Adoption,
  from: string,
  ranges: readonly Range[],
  checkpointFor: (holes: readonly Range[]) => Uint8Array,
): Promise<void> {
  const draft = temporary();
  try {
    using target = await disk.open(draft, "new");
    await disk.own(draft, ownership);
    const onProgress = (done: number) => watcher.verifying(done);
    const holes = await copyRanges(from, target, ranges, signal, onProgress);
    // Claims are in no order.
    const length = ranges.reduce((most, { end }) => Math.max(most, end), 0);
    // A checkpoint claims bytes only as far as the file reaches.
    if (holes.some(({ end }) => end === length)) await target.truncate(length);
    await target.sync();
    target.close();
    const checkpoint = checkpointFor(holes);
    // A checkpoint without its file claims nothing.
    await replaceFile(disk, at.checkpoint, temporary(), checkpoint, ownership);
    await disk.rename(draft, at.partial);
  } catch (error) {
    await disk.remove(draft).catch(() => {});
    throw error;
  }
  await disk.syncFolder(folderOf(at.partial));
}

/** Returns what cannot be read, or is not there. */
async function copyRanges(
  from: string,
  target: DiskFile,
  ranges: readonly Range[],
  signal: AbortSignal,
  onProgress: (done: number) => void,
): Promise<Range[]> {
  using source = await openForReading(from);
  const buffer = new Uint8Array(PIECE);
  const holes: Range[] = [];
  for (const { start, end } of ranges) {
    for (let position = start; position < end;) {
      signal.throwIfAborted();
      const to = Math.min(end, position + PIECE);
      try {
        await source.seek(position, Deno.SeekMode.Start);
        const read = await source.read(buffer.subarray(0, to - position));
        if (read === null) {
          holes.push({ start: position, end });
          break;
        }
        await target.writeAt(buffer.subarray(0, read), position);
        position += read;
      } catch (error) {
        if (!isReadFailure(error)) throw error;
        holes.push({ start: position, end: to });
        position = to;
      }
      onProgress(position);
    }
  }
  return holes;
}
