/** What a models folder already has of the blobs of a model. */

import type { BlobStatus } from "../../core/content.ts";
import type { Descriptor } from "../../core/manifest.ts";
import { namesIn } from "../../io/stat.ts";
import type { Folder } from "../layout/folder.ts";
import { blobFile, type BlobPaths, blobPaths, type Paths } from "../layout/paths.ts";
import { Ledger, verifiedFile } from "../layout/verified.ts";
import { isBegun } from "../partial/adopt/adopters.ts";
import { bytesToRename, foreignPaths } from "../partial/adopt/foreign.ts";
import { bootTime } from "../partial/positions.ts";
import { estimateKept } from "../partial/resume.ts";

/** The status of each blob. Reads names and records only, and changes nothing. */
export async function surveyFolder(
  folder: Folder,
  blobs: readonly Descriptor[],
): Promise<BlobStatus[]> {
  const { paths } = folder;
  const [final, ready, own] = await Promise.all(
    [paths.blobs, paths.ready, paths.own].map(async (folder) => new Set(await namesIn(folder))),
  );
  const ledger = await Ledger.open(folder);
  const statuses: BlobStatus[] = [];
  for (const blob of blobs) {
    const at = blobPaths(paths, blob.digest);
    const file = blobFile(blob.digest);
    const whole = final!.has(file) ? at.final : ready!.has(file) ? at.ready : undefined;
    const info = whole === undefined ? undefined : await Deno.stat(whole).catch(() => undefined);
    if (info?.isFile && info.size === blob.size) {
      const state = ledger.vouchesFor(blob.digest, verifiedFile(info)) ? "present" : "unproven";
      statuses.push({ blob, state, kept: blob.size });
    } else {
      const kept = own!.has(`${file}.partial`) && await isBegun(at.partial)
        ? await estimateKept(at, blob, bootTime())
        : await bytesOfOllama(paths, at, final!);
      statuses.push({ blob, state: "missing", kept });
    }
  }
  return statuses;
}

/** What `ollama pull` has left of a blob that is renamed: it needs no room of its own. `names`: in blobs/. */
async function bytesOfOllama(
  paths: Paths,
  at: BlobPaths,
  names: ReadonlySet<string>,
): Promise<number> {
  const { data, tmp } = foreignPaths(at);
  const found = [data, tmp].find((path) => names.has(path.slice(paths.blobs.length + 1)));
  return found === undefined ? 0 : await bytesToRename(paths.root, found).catch(() => 0);
}
