/** Registries that have digests for the chunks of their blobs. */

import { createHash } from "node:crypto";
import { digestOf } from "../../src/core/digest.ts";
import { type Chunk, tile } from "../../src/core/ranges.ts";
import type { Source } from "../../src/core/content.ts";
import type { Content } from "../fakes/content.ts";

/** The right list for chunks of `length`. */
export function chunkList(content: Content, length: number): Required<Chunk>[] {
  return tile(content.size, length).map(({ start, end }) => {
    const hash = createHash("sha256").update(content.read(start, end - start));
    return { start, end, digest: digestOf(hash.digest("hex")) };
  });
}

/** A source that has this list for every blob, which must have its size, once `known` resolves. */
export function withList(
  list: readonly Chunk[],
  known: Promise<void> = Promise.resolve(),
): (source: Source) => Source {
  return (source) => ({
    manifest: (...args) => source.manifest(...args),
    open: (...args) => source.open(...args),
    sendsRanges: (...args) => source.sendsRanges(...args),
    forgetAddress: (...args) => source.forgetAddress(...args),
    chunksums: (_name, { size }) => known.then(() => list.at(-1)?.end === size ? list : undefined),
  });
}
