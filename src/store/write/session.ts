/** One process that writes to a models folder: it holds the store lock, which pulls share. */

import { createHash } from "node:crypto";
import type { BlobWatcher, Session } from "../../core/content.ts";
import { type Digest, digestOf } from "../../core/digest.ts";
import { PullamaError } from "../../core/errors.ts";
import { type Descriptor, distinctBlobs, type Manifest } from "../../core/manifest.ts";
import type { ModelName } from "../../core/name.ts";
import type { PrefixDigest } from "../../core/ranges.ts";
import type { Disk, Ownership } from "../../io/disk.ts";
import type { Hasher } from "../../io/hash.ts";
import { guardData, type Lock, tryLock, waitLock } from "../../io/lock.ts";
import { exists, namesIn } from "../../io/stat.ts";
import { type Folder, temporaryPath } from "../layout/folder.ts";
import { endIntent, settleIntent } from "../layout/intents.ts";
import type { EntryOwnership } from "../layout/ownership.ts";
import { blobFile, type BlobPaths, blobPaths, manifestPath } from "../layout/paths.ts";
import { noteReplaced } from "../layout/replaced.ts";
import { keepParts } from "../layout/parts.ts";
import type { Ledger } from "../layout/verified.ts";
import { adopt } from "../partial/adopt/adopters.ts";
import { removeForeign } from "../partial/adopt/foreign.ts";
import { installedDigest } from "../manifests/installed.ts";
import { digestsOf } from "../manifests/references.ts";
import { BlobIngest } from "../partial/ingest.ts";
import { readResume } from "../partial/resume.ts";
import { commitModel } from "./commit.ts";
import type { CommitTools } from "./publish.ts";
import { BlobVerifier } from "./verify.ts";

/** Milliseconds for a lock that no other process should have: a lock service may be slow. */
const GUARD_MS = 5000;

export interface SessionTools extends Pick<CommitTools, "signal" | "waiting"> {
  readonly folder: Folder;
  /** Of new files and folders. */
  readonly ownership: EntryOwnership;
  readonly ledger: Ledger;
  readonly hasher: Hasher;
  /** Released at the end. */
  readonly lock: Disposable;
  /** The model whose intent was recorded. */
  readonly intent?: ModelName;
  readonly boot: number;
  readonly tool: string;
}

export class StoreSession implements Session {
  readonly #verifier: BlobVerifier;
  #stored: { readonly name: ModelName; readonly blobs: ReadonlySet<Digest> } | undefined;

  constructor(private readonly tools: SessionTools) {
    const { folder, ledger, hasher, ownership } = tools;
    this.#verifier = new BlobVerifier(folder, ledger, hasher, ownership.folder);
  }

  async verifyOrQuarantine(
    blob: Descriptor,
    signal: AbortSignal,
    watcher: BlobWatcher,
  ): Promise<boolean> {
    const { final, ready } = this.#at(blob);
    const verification = { signal, onProgress: (done: number) => watcher.verifying(done) };
    // Another pull may move it from ready/ to blobs/, or link it back, between two looks.
    for (const path of [ready, final, ready]) {
      if (await this.#verifier.verifyOrQuarantine(blob, path, verification)) return true;
    }
    return false;
  }

  async ingest(
    blob: Descriptor,
    signal: AbortSignal,
    watcher: BlobWatcher,
  ): Promise<BlobIngest | undefined> {
    const at = this.#at(blob);
    const onWait = (holder: string | undefined) => watcher.waiting(holder);
    const ownership = this.tools.ownership.file;
    const lock = await waitLock(at.lock, { ownership, signal, onWait });
    try {
      // Another pull may have finished the blob while this one waited.
      await this.tools.ledger.refresh();
      if (!await this.verifyOrQuarantine(blob, signal, watcher)) {
        return await this.#open(blob, at, lock, signal, watcher);
      }
      await this.#removePartial(at);
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
    lock[Symbol.dispose]();
    return undefined;
  }

  async put(blob: Descriptor, bytes: Uint8Array): Promise<Digest> {
    const { folder, folder: { disk }, ownership } = this.tools;
    const actual = digestOf(createHash("sha256").update(bytes).digest("hex"));
    if (actual !== blob.digest) return actual;
    const { ready } = this.#at(blob);
    const draft = temporaryPath(folder);
    try {
      {
        using file = await disk.open(draft, "new");
        await file.writeAt(bytes, 0);
        await disk.own(draft, ownership.file);
        await file.sync();
      }
      await disk.rename(draft, ready);
    } catch (error) {
      await disk.remove(draft).catch(() => {});
      throw error;
    }
    await this.#verifier.note(blob, ready);
    return actual;
  }

  async commit(name: ModelName, manifest: Manifest): Promise<readonly Descriptor[]> {
    const { folder, ownership } = this.tools;
    await this.#noteReplaced(name, manifest);
    const tools = { ...this.tools, ownership: ownership.file, verifier: this.#verifier };
    const removed = await commitModel(tools, name, manifest);
    if (removed.length > 0) return removed;
    const blobs = distinctBlobs(manifest);
    await this.#removePartials(blobs);
    await removeForeign(folder, blobs);
    await this.#removeDamaged(blobs);
    this.#stored = { name, blobs: new Set(blobs.map(({ digest }) => digest)) };
    await settleIntent(folder, name, this.#stored.blobs);
    return removed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.tools.ledger.save();
    } finally {
      const { hasher, lock, folder, intent, ownership } = this.tools;
      hasher[Symbol.dispose]();
      lock[Symbol.dispose]();
      const name = this.#stored?.name ?? intent;
      if (name) await endIntent(folder, name, ownership.file, this.#stored?.blobs);
    }
  }

  /** Opens a blob that is missing and whose lock is held; on failure the lock is still the caller's. */
  async #open(
    blob: Descriptor,
    at: BlobPaths,
    lock: Lock,
    signal: AbortSignal,
    watcher: BlobWatcher,
  ): Promise<BlobIngest> {
    const { folder, hasher, ledger, ownership: { file: ownership }, boot, tool } = this.tools;
    const { disk, paths } = folder;
    const temporary = () => temporaryPath(folder);
    const tools = { disk, paths, ownership, boot, tool, temporary };
    await adopt(tools, { blob, at, signal, watcher });
    await makePartial(disk, at.partial, ownership);
    const guard = await guardData(at.partial, GUARD_MS);
    if (!guard) throw busy(at);
    const both: Lock = {
      path: lock.path,
      [Symbol.dispose]() {
        guard[Symbol.dispose]();
        lock[Symbol.dispose]();
      },
    };
    try {
      const resume = await readResume(at, blob, boot, false);
      const proved = (digests: readonly PrefixDigest[]) => keepParts(folder, blob, digests);
      const finished = async (path: string) => {
        await this.#verifier.note(blob, path);
        await ledger.saveFor(blob.size);
      };
      const ingest = await BlobIngest.open(
        blob,
        { disk, hasher, at, temporary, ownership, boot, tool, proved, finished, watcher },
        both,
        resume,
      );
      try {
        // What was found by reading the file cannot be found again once other bytes are written to it.
        if (resume.claims.some(({ from }) => from === "adopted")) await ingest.checkpoint();
      } catch (error) {
        await ingest[Symbol.asyncDispose]().catch(() => {});
        throw error;
      }
      return ingest;
    } catch (error) {
      guard[Symbol.dispose]();
      throw error;
    }
  }

  /** Does nothing where the old manifest cannot be read: then its blobs are not known. */
  async #noteReplaced(name: ModelName, { digest }: Manifest): Promise<void> {
    const { folder, ownership } = this.tools;
    const path = manifestPath(folder.paths, name);
    const old = await installedDigest(folder.paths, name);
    if (old === undefined || old === digest) return;
    const used = await digestsOf(folder.paths, { path }).catch(() => undefined);
    if (used) await noteReplaced(folder, old, used, ownership);
  }

  /** What a pull of a blob leaves that was killed in its last steps, or that another program finished first. */
  async #removePartials(blobs: readonly Descriptor[]): Promise<void> {
    const { folder: { paths }, ownership } = this.tools;
    const names = new Set((await namesIn(paths.own)).map((name) => name.split(".", 1)[0]!));
    const left = blobs.filter(({ digest }) => names.has(blobFile(digest)));
    for (const blob of left) {
      const at = this.#at(blob);
      const files = [at.partial, at.checkpoint, at.positions];
      if (!(await Promise.all(files.map(exists))).includes(true)) continue;
      using lock = await tryLock(at.lock, { ownership: ownership.file });
      if (lock) await this.#removePartial(at);
    }
  }

  async #removeDamaged(blobs: readonly Descriptor[]): Promise<void> {
    const { disk, paths } = this.tools.folder;
    const complete = new Set(blobs.map(({ digest }) => blobFile(digest)));
    for (const name of await namesIn(paths.bad)) {
      const [, file = ""] = /^(sha256-[0-9a-f]{64})-/.exec(name) ?? [];
      if (complete.has(file)) await disk.remove(`${paths.bad}/${name}`).catch(() => {});
    }
  }

  /** The blob is complete, and its lock is held. */
  async #removePartial({ partial, checkpoint, positions }: BlobPaths): Promise<void> {
    for (const path of [checkpoint, positions, partial]) {
      await this.tools.folder.disk.remove(path);
    }
  }

  #at({ digest }: Descriptor): BlobPaths {
    return blobPaths(this.tools.folder.paths, digest);
  }
}

/** Makes the partial file, so that it can be locked before anything in it is believed. */
async function makePartial(disk: Disk, path: string, ownership: Ownership): Promise<void> {
  if (await exists(path)) return;
  using _file = await disk.open(path, "new");
  await disk.own(path, ownership);
}

function busy({ partial, lock }: BlobPaths): PullamaError {
  return new PullamaError("busy", `cannot write ${partial}: another pullama is using it`, {
    hint: `its lock file ${lock} was removed; run the same command again when that has finished`,
  });
}
