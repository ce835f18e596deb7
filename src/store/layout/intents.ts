/**
 * Which model an unfinished blob is for. The manifest is stored last, so until then a note says what the
 * model wants: for whoever tidies up or tells what takes the room. While a pull is at work it holds the
 * lock beside the note. A note that is lost or cannot be read costs a name, never a byte.
 */

import { createHash } from "node:crypto";
import * as v from "valibot";
import type { PullIntent } from "../../core/content.ts";
import { type Digest, isDigest } from "../../core/digest.ts";
import { fullName, type ModelName, nameOfParts } from "../../core/name.ts";
import { replaceFile } from "../../io/atomic.ts";
import type { Disk, Ownership } from "../../io/disk.ts";
import { type Lock, waitLock } from "../../io/lock.ts";
import { statOf } from "../../io/stat.ts";
import { makeFolder } from "./ownership.ts";
import { blobPaths, type Paths } from "./paths.ts";

/** A wish as it was written down. */
export interface StoredIntent extends PullIntent {
  readonly path: string;
  readonly lock: string;
}

const Note = v.object({
  version: v.literal(1),
  name: v.object({ host: v.string(), namespace: v.string(), model: v.string(), tag: v.string() }),
  blobs: v.array(v.custom<Digest>(isDigest)),
});

const NOTE = /^[0-9a-f]{64}\.json$/;

/** How new files and folders look. */
interface Looks {
  readonly file: Ownership;
  readonly folder: Ownership;
}

/**
 * Writes down what `name` wants besides what it wanted before and that is not finished yet. Answers with the
 * lock that says a pull is at work on it; shared with other pulls of the same model.
 */
export async function recordIntent(
  disk: Disk,
  paths: Paths,
  intent: PullIntent,
  entries: Looks,
  signal: AbortSignal,
  onWait: (holder: string | undefined) => void,
): Promise<Lock> {
  await makeFolder(disk, paths.intents, entries.folder);
  const { lock } = placesOf(paths, intent.name);
  const held = await waitLock(lock, { shared: true, ownership: entries.file, signal, onWait });
  // The pull goes on without it: on a full disk it may yet succeed.
  await rewrite(disk, paths, intent, entries.file).catch(() => {});
  return held;
}

/** The model is stored: its note goes, unless something of an earlier wish is still unfinished. */
export async function settleIntent(disk: Disk, paths: Paths, name: ModelName): Promise<void> {
  await rewrite(disk, paths, { name, digests: new Set() }, {}).catch(() => {});
}

/** All notes that can be read, sorted by name. */
export async function readIntents(paths: Paths): Promise<StoredIntent[]> {
  const intents: StoredIntent[] = [];
  for (const file of await notesIn(paths.intents)) {
    const note = await readNote(`${paths.intents}/${file}`);
    if (note) intents.push({ ...note, ...placesOf(paths, note.name) });
  }
  return intents.sort((a, b) => fullName(a.name) < fullName(b.name) ? -1 : 1);
}

async function rewrite(
  disk: Disk,
  paths: Paths,
  intent: PullIntent,
  ownership: Ownership,
): Promise<void> {
  const { name, digests } = intent;
  const { path } = placesOf(paths, name);
  const before = await readNote(path);
  const left: Digest[] = [];
  for (const digest of before?.digests ?? []) {
    const { partial, ready } = blobPaths(paths, digest);
    if (await statOf(partial) || await statOf(ready)) left.push(digest);
  }
  const blobs = [...new Set(left).union(digests)];
  if (blobs.length === 0) return before && await disk.remove(path);
  const { host, namespace, model, tag } = name;
  const text = JSON.stringify({ version: 1, name: { host, namespace, model, tag }, blobs });
  const draft = `${paths.temporary}/wanted-${crypto.randomUUID()}`;
  await replaceFile(disk, path, draft, new TextEncoder().encode(text), ownership);
}

async function readNote(path: string): Promise<PullIntent | undefined> {
  try {
    const { name, blobs } = v.parse(Note, JSON.parse(await Deno.readTextFile(path)));
    const valid = nameOfParts(name.host, name.namespace, name.model, name.tag);
    return valid && { name: valid, digests: new Set(blobs) };
  } catch {
    return undefined;
  }
}

async function notesIn(folder: string): Promise<string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(folder));
    return entries.map(({ name }) => name).filter((name) => NOTE.test(name));
  } catch {
    return [];
  }
}

/** Named after the model in a form that every file system takes. */
function placesOf(paths: Paths, name: ModelName): { path: string; lock: string } {
  const id = createHash("sha256").update(fullName(name)).digest("hex");
  return { path: `${paths.intents}/${id}.json`, lock: `${paths.intents}/${id}.lock` };
}
