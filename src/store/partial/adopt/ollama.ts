/**
 * Taking over what `ollama pull` has left: a data file of the blob's full length, in which each of several parts is filled
 * from its beginning, and a record for each part. The records lag behind after a kill and run ahead after a power cut:
 * what counts is where the data ends.
 */

import * as v from "valibot";
import type { Range } from "../../../core/ranges.ts";
import { openForReading, readSmallFile } from "../../../io/guarded.ts";
import { BLOCK, lastBlockIn } from "../data_end.ts";
import type { Adopter } from "./adopter.ts";
import { foreignPaths, quietFile, takeOver } from "./foreign.ts";

/** The number of parts, unless they would be shorter or longer than this, in bytes. */
const PARTS = 16;
const SHORTEST = 100_000_000;
const LONGEST = 1_000_000_000;

const MOST_RECORD = 4096;
const offset = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const PartRecord = v.object({ Offset: offset, Size: offset, Completed: offset });

export const adoptOllama: Adopter = async (tools, adoption) => {
  const { at, blob, signal } = adoption;
  const { data } = foreignPaths(at);
  const file = await quietFile(tools.paths.root, data, signal);
  if (!file) return false;
  const limit = Math.min(file.size, blob.size);
  const found: Range[] = [];
  {
    using opened = await openForReading(data);
    for (const [n, { start, end: to }] of partsOf(blob.size).entries()) {
      const end = Math.min(to, limit);
      if (start >= end) break;
      const last = await lastBlockIn(opened, data, { start, end }, signal);
      const recorded = await recordedEnd(`${data}-${n}`, { start, end: to });
      // Of the last block a record that ends there says how much is right; one that ends elsewhere is not true.
      const inLast = recorded > last && recorded <= Math.min(end, last + BLOCK);
      const until = inLast ? recorded : last;
      if (until > start) found.push({ start, end: until });
    }
  }
  return await takeOver(tools, adoption, data, found);
};

/** How Ollama divides a blob of `size` bytes. */
export function partsOf(size: number): Range[] {
  const length = Math.min(LONGEST, Math.max(SHORTEST, Math.floor(size / PARTS)));
  const count = Math.ceil(size / length);
  return Array.from({ length: count }, (_, i) => ({
    start: i * length,
    end: Math.min(size, (i + 1) * length),
  }));
}

/** The end of what the record of a part says is there; its start where the record is missing, empty, or of another part. */
async function recordedEnd(path: string, { start, end }: Range): Promise<number> {
  try {
    const bytes = (await readSmallFile(path, MOST_RECORD))?.bytes;
    const record = v.parse(PartRecord, JSON.parse(new TextDecoder().decode(bytes)));
    const fits = record.Offset === start && record.Size === end - start;
    return fits ? start + Math.min(record.Completed, record.Size) : start;
  } catch {
    return start;
  }
}
