/**
 * Checks installed models: manifests, sizes, then digests. Nothing is changed but the ledger, where there is one, and the
 * digests of the parts of large blobs.
 */

import type { Machine } from "../../core/manifest_index.ts";
import type {
  BlobProblem,
  Finding,
  VerifyOptions,
  VerifyReport,
  VerifyWatcher,
} from "../../core/reports/verify.ts";
import { mapConcurrent } from "../../io/concurrency.ts";
import { Hasher } from "../../io/hash.ts";
import { isDirectory } from "../../io/stat.ts";
import type { Folder } from "../layout/folder.ts";
import { ownershipIn } from "../layout/ownership.ts";
import { blobPaths } from "../layout/paths.ts";
import { requireOwnFolders } from "../layout/trust.ts";
import { Ledger } from "../layout/verified.ts";
import { BlobCheck } from "./blob_check.ts";
import { foreignNames } from "./foreign.ts";
import { type Target, targetsOf, Users } from "./targets.ts";

/** Files that are looked at concurrently. */
const AT_ONCE = 16;
/** A ledger is saved after each blob of this size: it may be an hour until the next one. */
const WORTH_SAVING = 64 * 1024 * 1024;
/** Two files are read at a time only where half of the processors are left to a server. */
const READERS = navigator.hardwareConcurrency >= 4 ? 2 : 1;

/** Rejects with kind local where a folder cannot be read, and with the reason of the watcher's signal. */
export async function checkFolder(
  folder: Folder,
  machine: Machine,
  { names, full }: VerifyOptions,
  watcher: VerifyWatcher,
): Promise<VerifyReport> {
  const { paths } = folder;
  await requireOwnFolders(paths);
  const ownership = await isDirectory(paths.own) ? (await ownershipIn(paths.own)).file : {};
  const ledger = await Ledger.open(folder, ownership);
  const save = async () => {
    if (await isDirectory(paths.temporary)) await ledger.save();
  };
  const { models, blobs, broken, notInstalled } = await targetsOf(paths, names, machine);
  let problems = 0;
  const report = (finding: Finding) => {
    if (finding.kind !== "foreign_name") problems++;
    watcher.onFinding(finding);
  };
  broken.forEach(report);
  if (names.length === 0) (await foreignNames(paths)).forEach(report);
  const users = new Users();
  const pathOf = ({ digest }: Target) => blobPaths(paths, digest).final;
  const reportBlob = async (target: Target, problem: BlobProblem) => {
    const models = await users.of(target);
    if (models.length === 0) return;
    const { digest, size } = target;
    const about = { path: pathOf(target), models, digest, ...(size !== undefined && { size }) };
    report({ ...about, ...problem });
  };

  const check = new BlobCheck(folder, ledger, full);
  const unread: { readonly target: Target; readonly bytes: number }[] = [];
  await mapConcurrent(blobs, AT_ONCE, async (target) => {
    watcher.signal.throwIfAborted();
    const look = await check.look(target, pathOf(target));
    if (look === "right") return;
    if (look.kind === "unread") unread.push({ target, bytes: look.bytes });
    else await reportBlob(target, look);
  });

  const total = unread.reduce((sum, { bytes }) => sum + bytes, 0);
  let read = 0;
  const rest = unread.values();
  const reader = async () => {
    using hasher = new Hasher();
    for (const { target, bytes } of rest) {
      let before = 0;
      const onProgress = (done: number) => {
        read += done - before;
        before = done;
        watcher.onProgress(read, total);
      };
      const { signal } = watcher;
      const problem = await check.read(target, pathOf(target), hasher, { signal, onProgress });
      if (problem) await reportBlob(target, problem);
      if (problem || bytes >= WORTH_SAVING) await save();
    }
  };
  try {
    await Promise.all(Array.from({ length: READERS }, reader));
  } finally {
    await save();
  }
  const unsized = unread.filter(({ target }) => target.size === undefined);
  const bytes = blobs.reduce((sum, { size = 0 }) => sum + size, 0) +
    unsized.reduce((sum, { bytes }) => sum + bytes, 0);
  return { models, blobs: blobs.length, bytes, read, problems, notInstalled };
}
