/**
 * Removing models. The manifest goes first and for good, then what no other model uses: whenever that is cut
 * off, what is left are blobs without a model, never a model without its blobs.
 */

import type { Digest } from "../../core/digest.ts";
import { PullamaError } from "../../core/errors.ts";
import { displayName, type ModelName } from "../../core/name.ts";
import type { Removal, RemovedModel } from "../../core/reports/rm.ts";
import { type Disk, realDisk } from "../../io/disk.ts";
import {
  type ManifestFile,
  manifestFiles,
  matchingName,
  SERVED_TREES,
} from "../manifests/files.ts";
import { requireExclusive } from "../layout/exclusive.ts";
import { unfinishedFile } from "../layout/unfinished.ts";
import { Ledger } from "../layout/verified.ts";
import { ownershipIn } from "../layout/ownership.ts";
import { blobPaths, type Paths, pathsOf } from "../layout/paths.ts";
import { refuseLinks, removeManifest } from "./manifest.ts";
import { removeUnfinished } from "./unfinished.ts";
import { type ManifestReferences, manifestReferences } from "../manifests/references.ts";
import { readIntents, type StoredIntent } from "../layout/intents.ts";

/** A model whose manifest is gone. */
interface Taken {
  readonly given: ModelName;
  /** As it was installed. */
  readonly name: ModelName;
  /** What it used. */
  readonly digests: ReadonlySet<Digest>;
  readonly notes: readonly StoredIntent[];
  /** That came free with the manifest. */
  readonly bytes: number;
}

type Ends = Map<ModelName, RemovedModel | PullamaError>;

/**
 * Removes the models `names` from the models folder `root` and answers in their order. A name that is not
 * installed has an error of kind `not_found`. Where a pull is running (`busy`) or a manifest of any model cannot
 * be read (`manifest`, `local`), nothing is removed and all the others have that error.
 */
export async function removeModels(
  root: string,
  names: readonly ModelName[],
  disk: Disk = realDisk,
): Promise<Removal[]> {
  const paths = pathsOf(root);
  const files = served(await manifestFiles(paths));
  const ends: Ends = new Map();
  for (const name of names) {
    const failure = await failureOf(() => find(paths, files, name));
    if (failure) ends.set(name, failure);
  }
  const there = names.filter((name) => !ends.has(name));
  const failure = there.length === 0
    ? undefined
    : await failureOf(() => removeAll(disk, paths, there, ends));
  return names.map((name) => {
    const end = ends.get(name) ?? failure!;
    return end instanceof PullamaError ? { name, error: end } : { name, removed: end };
  });
}

async function removeAll(
  disk: Disk,
  paths: Paths,
  names: readonly ModelName[],
  ends: Ends,
): Promise<void> {
  using _alone = await requireExclusive(disk, paths);
  const users = new Set(await manifestReferences(paths));
  const intents = new Set(await readIntents(paths));
  const taken: Taken[] = [];
  for (const name of names) {
    const failure = await failureOf(async () =>
      taken.push(await take(disk, paths, users, intents, name))
    );
    if (failure) ends.set(name, failure);
  }
  // Read again: a server may have stored another model meanwhile.
  const used = await stillUsed(paths);
  const { file } = await ownershipIn(paths.own);
  const ledger = await Ledger.open(disk, paths, () => file);
  for (const model of taken) {
    const failure = await failureOf(async () => {
      ends.set(model.given, await drop(disk, paths, model, used, union([...intents]), ledger));
    });
    if (failure) ends.set(model.given, failure);
  }
  await ledger.save();
}

/** Removes the manifests of a model; it leaves `users` and `wanted`. */
async function take(
  disk: Disk,
  paths: Paths,
  users: Set<ManifestReferences>,
  intents: Set<StoredIntent>,
  given: ModelName,
): Promise<Taken> {
  const found = await find(paths, served([...users].map(({ file }) => file)), given);
  await refuseLinks(paths, found);
  const own = [...users].filter(({ file }) => found.includes(file));
  let bytes = 0;
  for (const user of own) {
    bytes += await removeManifest(disk, paths, user.file);
    users.delete(user);
  }
  const notes = matchingName([...intents], given);
  for (const note of notes) intents.delete(note);
  return { given, name: found[0]?.name ?? given, digests: union(own), notes, bytes };
}

/** Removes what only this model used, and what only it wanted. */
async function drop(
  disk: Disk,
  paths: Paths,
  { name, digests, notes, bytes: before }: Taken,
  used: ReadonlySet<Digest>,
  intents: ReadonlySet<Digest>,
  ledger: Ledger,
): Promise<RemovedModel> {
  let [bytes, blobs, shared] = [before, 0, 0];
  for (const digest of digests) {
    const file = await unfinishedFile(blobPaths(paths, digest).final);
    if (!file || file.isFolder) continue;
    if (used.has(digest)) {
      shared++;
      continue;
    }
    await disk.remove(file.path);
    ledger.forget(digest);
    blobs++;
    bytes += file.bytes;
  }
  const unfinished = digests.union(union(notes)).difference(used).difference(intents);
  bytes += await removeUnfinished(disk, paths, unfinished, notes);
  return { name, bytes, blobs, shared };
}

async function stillUsed(paths: Paths): Promise<ReadonlySet<Digest>> {
  try {
    return union(await manifestReferences(paths));
  } catch (error) {
    if (!(error instanceof PullamaError)) throw error;
    throw new PullamaError(
      error.kind,
      `its manifest is gone, but its blobs stay: ${error.message}`,
      {
        hint: "repair or delete that file; a starting Ollama then removes blobs that nothing uses",
        cause: error,
      },
    );
  }
}

/** The files of the model `name` in `files`. Throws `not_found`, and `usage` where it may be one of two. */
async function find(
  paths: Paths,
  files: readonly ManifestFile[],
  name: ModelName,
): Promise<readonly ManifestFile[]> {
  const found = matchingName(files, name);
  if (found.length > 0) return found;
  const unfinished = matchingName(await readIntents(paths), name).length > 0;
  const hint = `what was pulled of it so far goes with: pullama clean ${displayName(name)}`;
  throw new PullamaError("not_found", "it is not installed", unfinished ? { hint } : {});
}

/** Copies of a tree that somebody made use blobs as well, but nothing is removed from them. */
function served(files: readonly ManifestFile[]): ManifestFile[] {
  return files.filter(({ tree }) => SERVED_TREES.includes(tree));
}

function union(sets: readonly { readonly digests: ReadonlySet<Digest> }[]): Set<Digest> {
  return new Set(sets.flatMap(({ digests }) => [...digests]));
}

/** What went wrong; a failure that is not one of ours is passed on. */
async function failureOf(act: () => Promise<unknown>): Promise<PullamaError | undefined> {
  try {
    await act();
    return undefined;
  } catch (error) {
    if (error instanceof PullamaError) return error;
    throw error;
  }
}
