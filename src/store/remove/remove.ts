/**
 * Removing models. The manifest is removed first and durably, then the blobs that no other model uses: a crash in
 * between leaves blobs without a model, never a model without its blobs.
 */

import type { Digest } from "../../core/digest.ts";
import { PullamaError } from "../../core/errors.ts";
import { displayName, matchingName, type ModelName } from "../../core/name.ts";
import type { Removal, RemovedModel } from "../../core/reports/rm.ts";
import {
  type ManifestFile,
  manifestFiles,
  readManifestFile,
  SERVED_TREES,
} from "../manifests/files.ts";
import { requireExclusive } from "../layout/exclusive.ts";
import { Ledger } from "../layout/verified.ts";
import { ownershipIn } from "../layout/ownership.ts";
import { requireOwnFolders } from "../layout/trust.ts";
import type { Folder } from "../layout/folder.ts";
import type { Paths } from "../layout/paths.ts";
import { finishedFile, removeBlob, union } from "./blob.ts";
import { refuseLinks, removeManifest } from "./manifest.ts";
import { removeUnfinished } from "./unfinished.ts";
import { type ManifestReferences, manifestReferences } from "../manifests/references.ts";
import { readIntents, type StoredIntent } from "../layout/intents.ts";

/** A model whose manifest was removed. */
interface Taken {
  readonly given: ModelName;
  /** As it was installed, in its spelling. */
  readonly name: ModelName;
  /** The blobs it used. */
  readonly digests: ReadonlySet<Digest>;
  readonly intents: readonly StoredIntent[];
  /** Freed with the manifest. */
  readonly bytes: number;
}

type Ends = Map<ModelName, RemovedModel | PullamaError>;

/**
 * Removes the models `names`, and returns one result each, in their order. A model that is not installed has an
 * error of kind `not_found`, one that is pinned and installed as another version `moved`. While a pull is running (`busy`), or if the manifest of any model cannot be read
 * (`manifest`, `local`), nothing is removed and all others have that error.
 */
export async function removeModels(
  folder: Folder,
  names: readonly ModelName[],
): Promise<Removal[]> {
  const { paths } = folder;
  const files = served(await manifestFiles(paths));
  const ends: Ends = new Map();
  for (const name of names) {
    const failure = await failureOf(() => find(paths, files, name));
    if (failure) ends.set(name, failure);
  }
  const there = names.filter((name) => !ends.has(name));
  const failure = there.length === 0
    ? undefined
    : await failureOf(() => removeAll(folder, there, ends));
  return names.map((name) => {
    const end = ends.get(name) ?? failure!;
    return end instanceof PullamaError ? { name, error: end } : { name, removed: end };
  });
}

async function removeAll(
  folder: Folder,
  names: readonly ModelName[],
  ends: Ends,
): Promise<void> {
  const { paths } = folder;
  await requireOwnFolders(paths);
  using _exclusive = await requireExclusive(folder);
  const users = new Set(await manifestReferences(paths));
  const intents = new Set(await readIntents(paths));
  const taken: Taken[] = [];
  for (const name of names) {
    const failure = await failureOf(async () =>
      taken.push(await take(folder, users, intents, name))
    );
    if (failure) ends.set(name, failure);
  }
  // Read again: a server may have stored another model meanwhile.
  const used = await stillUsed(paths);
  const { file } = await ownershipIn(paths.own);
  const ledger = await Ledger.open(folder, file);
  for (const model of taken) {
    const failure = await failureOf(async () => {
      const intended = new Set([...intents].flatMap(({ needs }) => [...needs]));
      ends.set(model.given, await drop(folder, model, used, intended, ledger));
    });
    if (failure) ends.set(model.given, failure);
  }
  await ledger.save();
}

/** Removes the manifests of a model, and takes it out of `users` and `intents`. */
async function take(
  folder: Folder,
  users: Set<ManifestReferences>,
  intents: Set<StoredIntent>,
  given: ModelName,
): Promise<Taken> {
  const { paths } = folder;
  const found = await find(paths, served([...users].map(({ file }) => file)), given);
  await refuseLinks(paths, found);
  await requirePinned(found, given);
  const own = [...users].filter(({ file }) => found.includes(file));
  let bytes = 0;
  for (const user of own) {
    bytes += await removeManifest(folder, user.file);
    users.delete(user);
  }
  const removed = matchingName([...intents], given);
  for (const intent of removed) intents.delete(intent);
  const name = found[0]?.name ?? given;
  return { given, name, digests: union(own), intents: removed, bytes };
}

/** Rejects with `moved` where one of the manifests that would be removed is not the one that `name` is pinned to. */
async function requirePinned(files: readonly ManifestFile[], name: ModelName): Promise<void> {
  if (name.digest === undefined) return;
  for (const file of files) {
    const read = await readManifestFile(file);
    if (read.digest === name.digest) continue;
    const message = "entries" in read
      ? `${file.path} is an index with manifests for other machines as well`
      : `${file.path} has another version than ${name.digest}`;
    throw new PullamaError("moved", message, {
      hint: "look at it, then remove it with: pullama rm",
    });
  }
}

/** Removes the blobs and the unfinished blobs that only this model needed; `used` and `intended` are of all others. */
async function drop(
  folder: Folder,
  { name, digests, intents, bytes: before }: Taken,
  used: ReadonlySet<Digest>,
  intended: ReadonlySet<Digest>,
  ledger: Ledger,
): Promise<RemovedModel> {
  let [bytes, blobs, shared] = [before, 0, 0];
  for (const digest of digests) {
    if (used.has(digest) || intended.has(digest)) {
      if (await finishedFile(folder.paths, digest)) shared++;
      continue;
    }
    const freed = await removeBlob(folder, digest, ledger);
    if (freed === undefined) continue;
    blobs++;
    bytes += freed;
  }
  const unfinished = digests.union(union(intents)).difference(used).difference(intended);
  bytes += await removeUnfinished(folder, unfinished, intents);
  return { name, bytes, blobs, shared };
}

async function stillUsed(paths: Paths): Promise<ReadonlySet<Digest>> {
  try {
    return union(await manifestReferences(paths));
  } catch (error) {
    if (!(error instanceof PullamaError)) throw error;
    throw new PullamaError(
      error.kind,
      `its manifest was removed, but not its blobs: ${error.message}`,
      {
        hint: "repair or delete that file; the next start of Ollama then removes unused blobs",
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
  const hint = `to remove its partial download: pullama clean ${displayName(name)}`;
  throw new PullamaError("not_found", "it is not installed", unfinished ? { hint } : {});
}

/** A copy of the manifests that a user made also uses blobs, but nothing is removed from it. */
function served(files: readonly ManifestFile[]): ManifestFile[] {
  return files.filter(({ tree }) => SERVED_TREES.includes(tree));
}

/** The failure of `act`; one that is not a PullamaError is thrown. */
async function failureOf(act: () => Promise<unknown>): Promise<PullamaError | undefined> {
  try {
    await act();
    return undefined;
  } catch (error) {
    if (error instanceof PullamaError) return error;
    throw error;
  }
}
