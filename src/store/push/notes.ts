/**
 * Where uploads continue, in `.pullm/uploads`: for a run after the process was killed. A note is only used by the process
 * that holds the lock beside it; one that is lost or cannot be read costs bytes that are sent again.
 */

import { createHash } from "node:crypto";
import * as v from "valibot";
import { isDigest } from "../../core/digest.ts";
import type { Descriptor } from "../../core/manifest.ts";
import type { Upload, UploadNote, UploadNotes } from "../../core/upload/target.ts";
import { replaceFile } from "../../io/atomic.ts";
import { readSmallFile } from "../../io/guarded.ts";
import { type Lock, tryLock } from "../../io/lock.ts";
import { exists } from "../../io/stat.ts";
import { type Folder, makeOwnFolder, temporaryPath } from "../layout/folder.ts";
import { makeFolder, ownershipIn } from "../layout/ownership.ts";
import { isTrusted, trustedUsers } from "../layout/trust.ts";

const Bytes = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const Note = v.object({
  version: v.literal(1),
  place: v.string(),
  digest: v.custom(isDigest),
  location: v.pipe(v.string(), v.url(), v.maxLength(8192)),
  offset: Bytes,
  least: Bytes,
});

/** Bytes of a note at most. */
const MOST_BYTES = 64 * 1024;

/** A state in a URL is as good as a name: other users have no business with it. */
const MODE = 0o600;

export class UploadFolder implements UploadNotes {
  constructor(private readonly folder: Folder) {}

  async open(place: string, blob: Descriptor): Promise<UploadNote | undefined> {
    const { paths, disk } = this.folder;
    const id = createHash("sha256").update(`${place} ${blob.digest}`).digest("hex");
    try {
      const own = await makeOwnFolder(this.folder, paths.own);
      const inside = (await ownershipIn(paths.own)).folder;
      await makeFolder(disk, paths.temporary, inside);
      await makeFolder(disk, paths.uploads, inside);
      const path = `${paths.uploads}/${id}.json`;
      const lock = await tryLock(`${paths.uploads}/${id}.lock`, { ownership: own });
      if (!lock) return undefined;
      const ownership = { ...own, mode: MODE };
      return new FileNote(
        this.folder,
        lock,
        path,
        place,
        blob,
        ownership,
        await this.#read(path, place, blob),
      );
    } catch {
      return undefined;
    }
  }

  async #read(path: string, place: string, blob: Descriptor): Promise<Upload | undefined> {
    try {
      const file = await readSmallFile(path, MOST_BYTES);
      if (!file || !isTrusted(file.uid, await trustedUsers(this.folder.paths.root))) {
        return undefined;
      }
      const note = v.parse(Note, JSON.parse(new TextDecoder().decode(file.bytes)));
      const { location, offset, least } = note;
      const isOurs = note.place === place && note.digest === blob.digest && offset <= blob.size &&
        isAtHome(location, place);
      return isOurs ? { location, offset, least } : undefined;
    } catch {
      return undefined;
    }
  }
}

class FileNote implements UploadNote {
  constructor(
    private readonly folder: Folder,
    private readonly lock: Lock,
    private readonly path: string,
    private readonly place: string,
    private readonly blob: Descriptor,
    private readonly ownership: Parameters<typeof replaceFile>[4],
    readonly upload: Upload | undefined,
  ) {}

  async save({ location, offset, least }: Upload): Promise<void> {
    // The URL of another server may be all that it takes to write there.
    if (!isAtHome(location, this.place)) return await this.#remove(this.path);
    const { place, blob: { digest } } = this;
    const text = JSON.stringify({ version: 1, place, digest, location, offset, least });
    const bytes = new TextEncoder().encode(`${text}\n`);
    const draft = temporaryPath(this.folder, "upload-");
    await replaceFile(this.folder.disk, this.path, draft, bytes, this.ownership).catch(() => {});
  }

  async drop(): Promise<void> {
    await this.#remove(this.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A process that waits for it finds out that the file is gone.
    if (!await exists(this.path).catch(() => true)) await this.#remove(this.lock.path);
    this.lock[Symbol.dispose]();
  }

  async #remove(path: string): Promise<void> {
    await this.folder.disk.remove(path).catch(() => {});
  }
}

function isAtHome(location: string, place: string): boolean {
  return URL.parse(location)?.origin === URL.parse(place)?.origin;
}
