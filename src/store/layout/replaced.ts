/**
 * Notes in `.pullm/replaced` of the blobs of manifests that pulls have replaced. A note is written before the new
 * manifest, and removed with the blobs that nothing uses then: a crash in between costs no space for good.
 */

import * as v from "valibot";
import { type Digest, hexOf, isDigest } from "../../core/digest.ts";
import { replaceFile } from "../../io/atomic.ts";
import { readSmallFile } from "../../io/guarded.ts";
import { namesIn } from "../../io/stat.ts";
import { type Folder, temporaryPath } from "./folder.ts";
import { type EntryOwnership, makeFolder } from "./ownership.ts";
import type { Paths } from "./paths.ts";

export interface ReplacedNote {
  readonly path: string;
  readonly digests: ReadonlySet<Digest>;
}

const Note = v.object({ version: v.literal(1), blobs: v.array(v.custom<Digest>(isDigest)) });

/** Bytes of a note at most: that of a model with 100,000 blobs. */
const MOST_BYTES = 16 * 1024 * 1024;
const NOTE = /^[0-9a-f]{64}\.json$/;

/** Notes that the manifest `digest`, which uses the blobs `digests`, is going to be replaced. */
export async function noteReplaced(
  folder: Folder,
  digest: Digest,
  digests: ReadonlySet<Digest>,
  ownership: EntryOwnership,
): Promise<void> {
  const { disk, paths } = folder;
  await makeFolder(disk, paths.replaced, ownership.folder);
  const path = `${paths.replaced}/${hexOf(digest)}.json`;
  const bytes = new TextEncoder().encode(JSON.stringify({ version: 1, blobs: [...digests] }));
  await replaceFile(disk, path, temporaryPath(folder), bytes, ownership.file);
}

/** All notes; one that cannot be read names no blobs. Rejects with kind local. */
export async function readReplaced({ replaced }: Paths): Promise<ReplacedNote[]> {
  const paths = (await namesIn(replaced)).filter((name) => NOTE.test(name))
    .map((name) => `${replaced}/${name}`);
  return await Promise.all(paths.map(async (path) => ({ path, digests: await digestsIn(path) })));
}

async function digestsIn(path: string): Promise<ReadonlySet<Digest>> {
  try {
    const bytes = (await readSmallFile(path, MOST_BYTES))?.bytes;
    return new Set(v.parse(Note, JSON.parse(new TextDecoder().decode(bytes))).blobs);
  } catch {
    return new Set();
  }
}
