/**
 * Which model an unfinished blob is for. The manifest is stored last, so until then a note in `.pullm/wanted` says
 * which blobs a pull needs: for clean, rm and the message about a full disk. A running pull holds the lock beside its
 * note. A lost or unreadable note costs the name of a model, and the protection of what it needs.
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
import { isLocked } from "../../io/lock_peek.ts";
import { exists } from "../../io/stat.ts";
import { type Folder, temporaryPath } from "./folder.ts";
import { keptBlobs } from "./kept.ts";
import { type EntryOwnership, makeFolder } from "./ownership.ts";
import { blobPaths, type Paths } from "./paths.ts";

/** An intent as its note has it. */
interface Recorded extends PullIntent {
  /** Those of `digests` of which nothing is in `missing`: of earlier pulls, or of another version that is being pulled. */
  readonly earlier: ReadonlySet<Digest>;
  readonly present: ReadonlySet<Digest>;
}

/** An intent with its files. */
export interface StoredIntent extends Recorded {
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
  earlier: v.optional(v.array(v.custom<Digest>(isDigest)), []),
  present: v.optional(v.array(v.custom<Digest>(isDigest)), []),
  size: v.optional(Bytes),
  missing: v.optional(Bytes),
  hours: v.optional(v.pipe(v.string(), v.maxLength(1000))),
});

/** Bytes of a note at most: that of a model with 100,000 blobs. */
const MOST_BYTES = 16 * 1024 * 1024;
const NOTE = /^[0-9a-f]{64}\.json$/;

/**
 * Records an intent, together with what is still unfinished of earlier ones for the same model, and with all of one that
 * is being pulled. Resolves with the lock of a running pull, which pulls of the same model share.
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
  const isPulled = await isLocked(lock);
  const held = await waitLock(lock, { shared: true, ownership: ownership.file, signal, onWait });
  // The pull does without it: on a full disk it may still succeed.
  await rewrite(folder, intent, ownership.file, { isPulled }).catch(() => {});
  return held;
}

/**
 * After the model is stored with `blobs`, while the pull still has its lock: removes its note, unless that is also of
 * another version.
 */
export async function settleIntent(
  { disk, paths }: Folder,
  name: ModelName,
  blobs: ReadonlySet<Digest>,
): Promise<void> {
  const { path } = filesOf(paths, name);
  const note = await readNote(path);
  if (!note?.digests.union(note.present).isSubsetOf(blobs)) return;
  await disk.remove(path).catch(() => {});
}

/**
 * After a pull has released its lock. Once the model is `stored`, with these blobs, removes its note: not blobs of an
 * earlier intent that are still unfinished, and nothing while another version of the model is being pulled, whose note
 * it is. Removes the lock file if there is no note, and no other pull.
 */
export async function endIntent(
  folder: Folder,
  name: ModelName,
  ownership: Ownership,
  stored: ReadonlySet<Digest> | undefined,
): Promise<void> {
  const { disk, paths } = folder;
  const { path, lock } = filesOf(paths, name);
  const isNoted = await exists(path);
  if (isNoted ? !stored : !await exists(lock)) return;
  using held = await tryLock(lock, { ownership }).catch(() => undefined);
  if (!held) return;
  if (stored) {
    await rewrite(folder, { name, digests: new Set() }, ownership, { stored }).catch(() => {});
  }
  if (!await exists(path)) await disk.remove(lock).catch(() => {});
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
  { isPulled = false, stored = new Set() }: {
    /** Another pull of the model is running. */
    readonly isPulled?: boolean;
    /** The blobs of the model, which is stored: none of them is unfinished. */
    readonly stored?: ReadonlySet<Digest>;
  } = {},
): Promise<void> {
  const { disk, paths } = folder;
  const { path } = filesOf(paths, name);
  const before = await readNote(path);
  const blobs = new Set(digests);
  const earlier = new Set<Digest>();
  // With what is complete already: then the rest of these blobs is what was downloaded, also when a file is removed.
  let counted = missing;
  const known = (before?.digests ?? new Set<Digest>()).difference(stored).difference(digests);
  const kept = await keptBlobs(paths, digests.union(known));
  for (const [digest, { bytes, isWhole }] of kept) {
    // One that is complete, and kept in ready/ for another model alone, is not unfinished.
    if (known.has(digest) && isWhole && await exists(blobPaths(paths, digest).final)) continue;
    if (isWhole) blobs.add(digest);
    else if (known.has(digest)) earlier.add(digest);
    if (isWhole && counted !== undefined) counted += bytes;
  }
  if (isPulled) { for (const digest of known) if (!blobs.has(digest)) earlier.add(digest); }
  if (blobs.size + earlier.size === 0) return before && await disk.remove(path);
  const { host, namespace, model, tag } = name;
  const text = JSON.stringify({
    version: 1,
    name: { host, namespace, model, tag },
    blobs: [...blobs],
    earlier: [...earlier],
    present: [...present],
    size,
    missing: counted,
    hours,
  });
  const draft = temporaryPath(folder, "wanted-");
  await replaceFile(disk, path, draft, new TextEncoder().encode(text), ownership);
}

async function readNote(path: string): Promise<Recorded | undefined> {
  try {
    const note = v.parse(Note, JSON.parse(await readText(path)));
    const { name, blobs, earlier, present, size, missing, hours } = note;
    const valid = nameOfParts(name.host, name.namespace, name.model, name.tag);
    return valid && {
      name: valid,
      digests: new Set([...blobs, ...earlier]),
      earlier: new Set(earlier),
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
