/** Removing blobs that no manifest uses: what updates, removals and crashes of any program have left. */

import { isDigest } from "../../core/digest.ts";
import { PullamaError } from "../../core/errors.ts";
import type { PruneReport, UnusedBlob } from "../../core/reports/prune.ts";
import { exists, lstatOf, namesIn } from "../../io/stat.ts";
import { required, tryExclusive } from "../layout/exclusive.ts";
import type { Folder } from "../layout/folder.ts";
import { ownershipIn } from "../layout/ownership.ts";
import { blobPaths, type Paths } from "../layout/paths.ts";
import { requireOwnFolders } from "../layout/trust.ts";
import { Ledger } from "../layout/verified.ts";
import { foreignInUse } from "../partial/adopt/foreign.ts";
import { finishedFile, removeBlob, usedBlobs } from "./blob.ts";

export interface PruneOptions {
  /** Report what would be removed, and change nothing. */
  readonly dryRun: boolean;
  /** Also blobs that were written a moment ago. */
  readonly all: boolean;
}

/** A model may be about to use a blob that is younger, in milliseconds. A starting Ollama leaves it for as long. */
const YOUNG_MS = 3_600_000;
const BLOB = /^sha256-[0-9a-f]{64}$/;

/**
 * Removes blobs that no manifest of any tree uses and no unfinished pull needs. Removes nothing, and rejects, while a
 * pull is running, also one of Ollama (`busy`), and if a manifest cannot be read (`manifest`, `local`).
 */
export async function pruneFolder(
  folder: Folder,
  { dryRun, all }: PruneOptions,
): Promise<PruneReport> {
  const { paths } = folder;
  await requireOwnFolders(paths);
  if (!await exists(paths.blobs)) return { dryRun, removed: [], kept: [] };
  using _exclusive = required(await tryExclusive(folder, dryRun));
  await requireNoOllamaPull(paths);
  const [old, young] = await unusedIn(paths);
  const chosen = all ? [...old, ...young] : old;
  const kept = all ? [] : young;
  if (dryRun || chosen.length === 0) return { dryRun, removed: sorted(chosen), kept: sorted(kept) };
  // Read again: a server may have stored a model meanwhile.
  const used = await usedBlobs(paths);
  const { file } = await ownershipIn(paths.own);
  const ledger = await Ledger.open(folder, file);
  const removed: UnusedBlob[] = [];
  for (const { digest } of chosen) {
    if (used.has(digest)) continue;
    const bytes = await removeBlob(folder, digest, ledger);
    if (bytes !== undefined) removed.push({ digest, bytes });
  }
  await ledger.save();
  return { dryRun, removed: sorted(removed), kept: sorted(kept) };
}

/** The blobs of its model are complete one by one, long before the manifest is there. */
async function requireNoOllamaPull(paths: Paths): Promise<void> {
  const name = await foreignInUse(paths.blobs);
  if (name === undefined) return;
  throw new PullamaError("busy", `ollama pull is running: ${name} was written a moment ago`, {
    hint: "run the same command again when it has finished",
  });
}

async function unusedIn(
  paths: Paths,
): Promise<readonly [old: readonly UnusedBlob[], young: readonly UnusedBlob[]]> {
  const used = await usedBlobs(paths);
  const [old, young]: [UnusedBlob[], UnusedBlob[]] = [[], []];
  for (const name of await namesIn(paths.blobs)) {
    const digest = name.replace("-", ":");
    if (!BLOB.test(name) || !isDigest(digest) || used.has(digest)) continue;
    // In ready/ it waits for the rest of its model.
    if (await lstatOf(blobPaths(paths, digest).ready)) continue;
    const [file, info] = await Promise.all([
      finishedFile(paths, digest),
      lstatOf(`${paths.blobs}/${name}`),
    ]);
    if (!file || !info?.isFile) continue;
    const isYoung = Date.now() - (info.mtime?.getTime() ?? Date.now()) < YOUNG_MS;
    (isYoung ? young : old).push({ digest, bytes: file.bytes });
  }
  return [old, young];
}

function sorted(blobs: readonly UnusedBlob[]): UnusedBlob[] {
  return blobs.toSorted((a, b) => b.bytes - a.bytes || (a.digest < b.digest ? -1 : 1));
}
