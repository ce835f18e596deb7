/** Unfinished files of `ollama pull` in blobs/: whether they are in use, how they become ours, and when they go. */

import type { Descriptor } from "../../../core/manifest.ts";
import { type Range, total } from "../../../core/ranges.ts";
import { systemClock } from "../../../io/clock.ts";
import { isLinkUnsupported } from "../../../io/file_error.ts";
import { lstatOf, namesIn } from "../../../io/stat.ts";
import type { Folder } from "../../layout/folder.ts";
import { blobFile, type BlobPaths } from "../../layout/paths.ts";
import { isTrusted, trustedUsers } from "../../layout/trust.ts";
import { EMPTY_CHECKPOINT, encodeCheckpoint } from "../checkpoint.ts";
import type { Adoption, AdoptTools } from "./adopter.ts";
import { copyToPartial } from "./copy.ts";
import { moveToPartial } from "./move.ts";

const MIB = 1024 * 1024;
/** A file that was written to in so many milliseconds may still be in use; then it is watched, and copied. */
const RECENT_MS = 10 * 60_000;
const WATCHED_MS = 2000;
const LOOK_MS = 200;
/** The data file, its records, and the file of models with tensors. */
const FOREIGN = /^(sha256-[0-9a-f]{64})(?:-partial(?:-\d+)?|\.tmp)$/;

/** A regular file of a user who is believed, with one name and data in it, that no program is writing to. */
export async function quietFile(
  root: string,
  path: string,
  signal: AbortSignal,
): Promise<Deno.FileInfo | undefined> {
  const file = await ownFile(root, path);
  return file && !await isChanging(path, file, signal) ? file : undefined;
}

/** Bytes that need no room, since the file will be renamed: not of one that is copied. An upper bound. */
export async function bytesToRename(root: string, path: string): Promise<number> {
  const file = await ownFile(root, path);
  if (!file || isRecent(file)) return 0;
  return file.blocks === null ? 0 : Math.min(file.size, file.blocks * 512);
}

/**
 * Makes `path` the partial file, with a checkpoint that claims `ranges`: their origin is only trusted as far as the digest
 * of the whole blob shows. A file that may be in use is copied. Returns false where it is not worth that.
 */
export async function takeOver(
  tools: AdoptTools,
  adoption: Adoption,
  path: string,
  ranges: readonly Range[],
): Promise<boolean> {
  if (total(ranges) < MIB) return false;
  const { paths, tool } = tools;
  const { blob } = adoption;
  const file = await ownFile(paths.root, path);
  if (!file) return false;
  const proven = ranges.map(({ start, end }) => ({ start, end, from: "adopted" as const }));
  const checkpoint = encodeCheckpoint(blob, { ...EMPTY_CHECKPOINT, proven }, tool);
  if (!isRecent(file)) {
    try {
      return await moveToPartial(tools, adoption, path, file, checkpoint);
    } catch (error) {
      if (!isLinkUnsupported(error)) throw error;
    }
  }
  await copyToPartial(tools, adoption, path, ranges, () => checkpoint);
  return true;
}

/**
 * Removes what `ollama pull` has left of blobs that are complete now, unless it is still writing to it. Never rejects: a
 * server that starts removes it, too.
 */
export async function removeForeign(
  folder: Folder,
  blobs: readonly Pick<Descriptor, "digest">[],
): Promise<void> {
  await removeQuiet(folder, blobs).catch(() => {});
}

async function removeQuiet(
  { disk, paths }: Folder,
  blobs: readonly Pick<Descriptor, "digest">[],
): Promise<void> {
  const wanted = new Set(blobs.map(({ digest }) => blobFile(digest)));
  const { signal } = new AbortController();
  const left = Map.groupBy(
    (await namesIn(paths.blobs)).filter((name) => wanted.has(FOREIGN.exec(name)?.[1] ?? "")),
    (name) => FOREIGN.exec(name)![1]!,
  );
  for (const names of left.values()) {
    const files = names.map((name) => `${paths.blobs}/${name}`);
    const infos = await Promise.all(files.map(lstatOf));
    // Records alone are of no use: their data is complete.
    const changing = await Promise.all(
      files.map((path, i) =>
        infos[i] && !/-partial-\d+$/.test(path) && isChanging(path, infos[i], signal)
      ),
    );
    if (changing.includes(true) || infos.some((info) => info && !info.isFile)) continue;
    for (const path of files) await disk.remove(path);
  }
}

/** The name of a file that `ollama pull` wrote to a moment ago, if there is one in `blobs`. */
export async function foreignInUse(blobs: string): Promise<string | undefined> {
  for (const name of await namesIn(blobs)) {
    const file = FOREIGN.test(name) && await lstatOf(`${blobs}/${name}`);
    if (file && isRecent(file)) return name;
  }
  return undefined;
}

/** The paths of `blob` that `ollama pull` writes to. */
export function foreignPaths(
  { final }: BlobPaths,
): { readonly data: string; readonly tmp: string } {
  return { data: `${final}-partial`, tmp: `${final}.tmp` };
}

async function ownFile(root: string, path: string): Promise<Deno.FileInfo | undefined> {
  const file = await lstatOf(path);
  const fits = file?.isFile && file.size > 0 && (file.nlink ?? 1) === 1 &&
    isTrusted(file.uid, await trustedUsers(root));
  return fits ? file : undefined;
}

function isRecent({ mtime }: Deno.FileInfo): boolean {
  return Math.abs(Date.now() - (mtime?.getTime() ?? Date.now())) < RECENT_MS;
}

async function isChanging(
  path: string,
  before: Deno.FileInfo,
  signal: AbortSignal,
): Promise<boolean> {
  if (!isRecent(before)) return false;
  for (let waited = 0; waited < WATCHED_MS; waited += LOOK_MS) {
    await systemClock.sleep(LOOK_MS, signal);
    const now = await lstatOf(path);
    const same = now && now.ino === before.ino && now.size === before.size &&
      now.blocks === before.blocks && now.mtime?.getTime() === before.mtime?.getTime();
    if (!same) return true;
  }
  return false;
}
