/**
 * Which model an unfinished blob is for. The manifest is stored last, so until then a note in `.pullm/wanted` says
 * which blobs a pull needs: for clean, rm and the message about a full disk. A running pull holds the lock beside its
 * note. A lost or unreadable note costs the name of a model, never a byte.
 */

import { createHash } from "node:crypto";
import * as v from "valibot";
import type { PullIntent } from "../../core/content.ts";
import { type Digest, isDigest } from "../../core/digest.ts";
import { fullName, type ModelName, nameOfParts } from "../../core/name.ts";
import { replaceFile } from "../../io/atomic.ts";
import type { Ownership } from "../../io/disk.ts";
import { readSmallFile } from "../../io/guarded.ts";
import { type Lock, tryLock, waitLock } from "../../io/lock.ts";
import { exists, statOf } from "../../io/stat.ts";
import { type Folder, temporaryPath } from "./folder.ts";
import { type EntryOwnership, makeFolder } from "./ownership.ts";
import { blobPaths, type Paths } from "./paths.ts";

/** An intent with its files. */
export interface StoredIntent extends PullIntent {
  /** All blobs that its model needs, as far as they are known. */
  readonly needs: ReadonlySet<Digest>;
  readonly path: string;
  readonly lock: string;
}

const Bytes = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const Note = v.object({
  version: v.literal(1),
  name: v.object({ host: v.string(), namespace: v.string(), model: v.string(), tag: v.string() }),
  blobs: v.array(v.custom<Digest>(isDigest)),
  present: v.optional(v.array(v.custom<Digest>(isDigest)), []),
  size: v.optional(Bytes),
  missing: v.optional(Bytes),
  hours: v.optional(v.pipe(v.string(), v.maxLength(1000))),
});

/** Bytes of a note at most: that of a model with 100,000 blobs. */
const MOST_BYTES = 16 * 1024 * 1024;
const NOTE = /^[0-9a-f]{64}\.json$/;

/**
 * Records an intent, together with what is still unfinished of earlier ones for the same model. Resolves with the
 * lock of a running pull, which pulls of the same model share.
 */
export async function recordIntent(
  folder: Folder,
  intent: PullIntent,
  ownership: EntryOwnership,
  signal: AbortSignal,
  onWait: (holder: string | undefined) => void,
): Promise<Lock> {
  const { disk, paths } = folder;
  await makeFolder(disk, paths.intents, ownership.folder);
  const { lock } = filesOf(paths, intent.name);
  const held = await waitLock(lock, { shared: true, ownership: ownership.file, signal, onWait });
  // The pull does without it: on a full disk it may still succeed.
  await rewrite(folder, intent, ownership.file).catch(() => {});
  return held;
}

/** After the model is stored with `blobs`: removes its note, unless others of an earlier intent are still unfinished. */
export async function settleIntent(
  folder: Folder,
  name: ModelName,
  blobs: ReadonlySet<Digest>,
): Promise<void> {
  await rewrite(folder, { name, digests: new Set() }, {}, blobs).catch(() => {});
}

/** After the pull has released its lock: removes the lock file if there is no note, and no other pull. */
export async function removeIntentLock({ disk, paths }: Folder, name: ModelName): Promise<void> {
  const { path, lock } = filesOf(paths, name);
  if (await exists(path) || !await exists(lock)) return;
  using held = await tryLock(lock).catch(() => undefined);
  if (held && !await exists(path)) await disk.remove(lock).catch(() => {});
}

/** All intents that can be read, sorted by name. */
export async function readIntents(paths: Paths): Promise<StoredIntent[]> {
  const intents: StoredIntent[] = [];
  for (const file of await notesIn(paths.intents)) {
    const intent = await readNote(`${paths.intents}/${file}`);
    if (!intent) continue;
    const needs = intent.digests.union(intent.present);
    intents.push({ ...intent, needs, ...filesOf(paths, intent.name) });
  }
  return intents.sort((a, b) => fullName(a.name) < fullName(b.name) ? -1 : 1);
}

/** All blobs that unfinished models need, without the one of this name. */
export async function neededBlobs(paths: Paths, without?: ModelName): Promise<Set<Digest>> {
  const intents = await readIntents(paths);
  const others = without
    ? intents.filter(({ name }) => fullName(name) !== fullName(without))
    : intents;
  return new Set(others.flatMap(({ needs }) => [...needs]));
}

async function rewrite(
  folder: Folder,
  { name, digests, present = new Set(), size, missing, hours }: PullIntent,
  ownership: Ownership,
  done: ReadonlySet<Digest> = new Set(),
): Promise<void> {
  const { disk, paths } = folder;
  const { path } = filesOf(paths, name);
  const before = await readNote(path);
  const unfinished: Digest[] = [];
  for (const digest of before?.digests.difference(done) ?? []) {
    const { partial, ready } = blobPaths(paths, digest);
    if (await statOf(partial) || await statOf(ready)) unfinished.push(digest);
  }
  const blobs = [...new Set(unfinished).union(digests)];
  if (blobs.length === 0) return before && await disk.remove(path);
  const { host, namespace, model, tag } = name;
  const text = JSON.stringify({
    version: 1,
    name: { host, namespace, model, tag },
    blobs,
    present: [...present],
    size,
    missing,
    hours,
  });
  const draft = temporaryPath(folder, "wanted-");
  await replaceFile(disk, path, draft, new TextEncoder().encode(text), ownership);
}

async function readNote(
  path: string,
): Promise<PullIntent & Required<Pick<PullIntent, "present">> | undefined> {
  try {
    const { name, blobs, present, size, missing, hours } = v.parse(
      Note,
      JSON.parse(await readText(path)),
    );
    const valid = nameOfParts(name.host, name.namespace, name.model, name.tag);
    return valid && {
      name: valid,
      digests: new Set(blobs),
      present: new Set(present),
      ...(size !== undefined && { size }),
      ...(missing !== undefined && { missing }),
      ...(hours !== undefined && { hours }),
    };
  } catch {
    return undefined;
  }
}

async function readText(path: string): Promise<string> {
  return new TextDecoder().decode((await readSmallFile(path, MOST_BYTES))?.bytes);
}

async function notesIn(folder: string): Promise<string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(folder));
    return entries.map(({ name }) => name).filter((name) => NOTE.test(name));
  } catch {
    return [];
  }
}

/** Named by a hash of the model's name, which every file system accepts. */
function filesOf(paths: Paths, name: ModelName): { path: string; lock: string } {
  const id = createHash("sha256").update(fullName(name)).digest("hex");
  return { path: `${paths.intents}/${id}.json`, lock: `${paths.intents}/${id}.lock` };
}
