/**
 * Digests of the parts of finished blobs, by which damage is located later: prefix digests, each of everything before a
 * multiple of 64 MiB. The file is a cache: without it a damaged blob is downloaded whole.
 */

import { type Digest, digestOf, hexOf } from "../../core/digest.ts";
import type { Descriptor } from "../../core/manifest.ts";
import type { PrefixDigest } from "../../core/ranges.ts";
import { replaceFile } from "../../io/atomic.ts";
import { readSmallFile } from "../../io/guarded.ts";
import { type Folder, makeOwnFolder, temporaryPath } from "./folder.ts";
import { blobPaths } from "./paths.ts";

/** Distance of prefix digests, in bytes. */
export const SPACING: number = 64 * 1024 * 1024;

/** The first bytes of the file; then the distance in MiB as four bytes, the most significant first, then digests. */
const MAGIC = new TextEncoder().encode("pullama parts 1\n");
const HEADER = MAGIC.length + 4;
const DIGEST = 32;
const MIB = 1024 * 1024;
/** Those of a blob of 1 TiB. */
const MOST_BYTES = HEADER + DIGEST * 16 * 1024;

/**
 * Remembers `digests`, of which only those at multiples of their common distance are kept. Never rejects: what cannot be
 * written costs downloading more, should the blob be damaged.
 */
export async function keepParts(
  folder: Folder,
  blob: Pick<Descriptor, "digest" | "size">,
  digests: readonly PrefixDigest[],
): Promise<void> {
  try {
    const bytes = encoded(blob.size, digests);
    if (!bytes) return;
    const { disk, paths } = folder;
    await makeOwnFolder(folder, paths.own);
    await makeOwnFolder(folder, paths.temporary);
    const ownership = await makeOwnFolder(folder, paths.parts);
    const path = blobPaths(paths, blob.digest).parts;
    await replaceFile(disk, path, temporaryPath(folder, "parts-"), bytes, ownership);
  } catch {
    // Only a cache.
  }
}

/** The prefix digests of the blob, ascending; none where they are not known. */
export async function readParts(
  path: string,
  { size }: Pick<Descriptor, "size">,
): Promise<PrefixDigest[]> {
  const bytes = (await readSmallFile(path, MOST_BYTES).catch(() => undefined))?.bytes;
  if (!bytes || bytes.length < HEADER || !MAGIC.every((byte, i) => bytes[i] === byte)) return [];
  const spacing = new DataView(bytes.buffer, bytes.byteOffset).getUint32(MAGIC.length) * MIB;
  const count = (bytes.length - HEADER) / DIGEST;
  if (spacing === 0 || count !== countOf(size, spacing)) return [];
  return Array.from({ length: count }, (_, i) => {
    const at = HEADER + i * DIGEST;
    return { end: (i + 1) * spacing, digest: digestOf(bytes.subarray(at, at + DIGEST).toHex()) };
  });
}

/** Multiples of `spacing` within the blob; that at its very end has the digest of the blob. */
function countOf(size: number, spacing: number): number {
  return Math.max(0, Math.ceil(size / spacing) - 1);
}

/** Undefined: the blob has no parts, or not all digests are there. */
function encoded(size: number, digests: readonly PrefixDigest[]): Uint8Array | undefined {
  const known = new Map<number, Digest>(digests.map(({ end, digest }) => [end, digest]));
  // Of very large blobs every second one was dropped, or more.
  let spacing = SPACING;
  while (spacing < size && !known.has(spacing)) spacing *= 2;
  const count = countOf(size, spacing);
  if (count === 0) return undefined;
  const bytes = new Uint8Array(HEADER + count * DIGEST);
  bytes.set(MAGIC);
  new DataView(bytes.buffer).setUint32(MAGIC.length, spacing / MIB);
  for (let i = 0; i < count; i++) {
    const digest = known.get((i + 1) * spacing);
    if (!digest) return undefined;
    bytes.set(Uint8Array.fromHex(hexOf(digest)), HEADER + i * DIGEST);
  }
  return bytes;
}
