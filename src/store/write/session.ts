/** One process taking part in a models folder: it holds the store lock, shared with other pulls. */

import { createHash } from "node:crypto";
import type { BlobWatcher, Session } from "../../core/content.ts";
import { type Digest, digestOf } from "../../core/digest.ts";
import { PullamaError } from "../../core/errors.ts";
import type { Descriptor, Manifest } from "../../core/manifest.ts";
import type { ModelName } from "../../core/name.ts";
import type { Disk, Ownership } from "../../io/disk.ts";
import type { Hasher } from "../../io/hash.ts";
import { statOf } from "../../io/stat.ts";
import { type Lock, tryLockExisting, waitLock } from "../../io/lock.ts";
import { adoptPartial } from "../partial/adopt_go.ts";
import { commitModel } from "./commit.ts";
import { BlobIngest } from "../partial/ingest.ts";
import type { Ledger } from "../layout/verified.ts";
import { makeFolder } from "../layout/ownership.ts";
import { blobFile, type BlobPaths, blobPaths, type Paths } from "../layout/paths.ts";
import { readResume } from "../partial/resume.ts";
import { settleIntent } from "../layout/intents.ts";

export interface SessionTools {
  readonly disk: Disk;
  readonly paths: Paths;
  readonly ledger: Ledger;
  readonly hasher: Hasher;
  /** Let go of at the end. */
  readonly lock: Disposable;
  /** How files look that go into blobs/. */
  readonly ownership: Ownership;
  readonly folderOwnership: Ownership;
  readonly boot: number;
  readonly tool: string;
}

/** Bytes hashed of an existing file between two reports. */
const REPORT_EVERY = 256 * 1024 * 1024;
/** From this size on it is written down at once that a blob was hashed; less is hashed again soon enough. */
const WORTH_SAVING = 64 * 1024 * 1024;

export class StoreSession implements Session {
  constructor(private readonly tools: SessionTools) {}

  async verifyOrQuarantine(
    blob: Descriptor,
    signal: AbortSignal,
    watcher: BlobWatcher,
  ): Promise<boolean> {
    const at = blobPaths(this.tools.paths, blob.digest);
    const verifying = (done: number) => watcher.verifying(done);
    for (const path of [at.final, at.ready]) {
      if (await this.#holds(blob, path, signal, verifying)) return true;
    }
    return false;
  }

  async ingest(
    blob: Descriptor,
    signal: AbortSignal,
    watcher: BlobWatcher,
  ): Promise<BlobIngest | undefined> {
    const { paths, ownership } = this.tools;
    const at = blobPaths(paths, blob.digest);
    const onWait = (holder: string | undefined) => watcher.waiting(holder);
    const lock = await waitLock(at.lock, { ownership, signal, onWait });
    try {
      if (!await this.verifyOrQuarantine(blob, signal, watcher)) {
        return await this.#open(blob, at, lock, watcher);
      }
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
    lock[Symbol.dispose]();
    return undefined;
  }

  /** Opens a blob that is not there and whose lock is held; on failure the lock is still the caller's. */
  async #open(
    blob: Descriptor,
    at: BlobPaths,
    lock: Lock,
    watcher: BlobWatcher,
  ): Promise<BlobIngest> {
    const { disk, ledger, ownership, boot } = this.tools;
    const adopted = await adoptPartial(disk, at, ownership);
    await makePartial(disk, at.partial, ownership);
    const guard = await tryLockExisting(at.partial);
    if (!guard) throw busy(at);
    const both: Lock = {
      path: lock.path,
      [Symbol.dispose]() {
        guard[Symbol.dispose]();
        lock[Symbol.dispose]();
      },
    };
    try {
      const resume = await readResume(at, blob, boot, adopted);
      const lost: BlobWatcher["lost"] = (...what) => watcher.lost(...what);
      const distrusted = () => watcher.distrusted();
      const finished = async (path: string) => {
        await this.#note(blob, path);
        await ledger.save();
      };
      const ingest = await BlobIngest.open(
        blob,
        { ...this.tools, at, temporary: this.#temporary, finished, lost, distrusted },
        both,
        resume,
      );
      try {
        // What was found by looking at the data is not found again once other bytes are added.
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

  async put(blob: Descriptor, bytes: Uint8Array): Promise<Digest> {
    const { disk, paths, ownership } = this.tools;
    const actual = digestOf(createHash("sha256").update(bytes).digest("hex"));
    if (actual !== blob.digest) return actual;
    const { ready } = blobPaths(paths, blob.digest);
    const draft = this.#temporary();
    try {
      {
        using file = await disk.open(draft, "new");
        await file.writeAt(bytes, 0);
        await disk.own(draft, ownership);
        await file.sync();
      }
      await disk.rename(draft, ready);
    } catch (error) {
      await disk.remove(draft).catch(() => {});
      throw error;
    }
    await this.#note(blob, ready);
    return actual;
  }

  async commit(name: ModelName, manifest: Manifest): Promise<readonly Descriptor[]> {
    const never = new AbortController().signal;
    const vanished = await commitModel(
      {
        ...this.tools,
        temporary: this.#temporary,
        holds: (blob, path) => this.#holds(blob, path, never, () => {}),
      },
      name,
      manifest,
    );
    if (vanished.length === 0) await settleIntent(this.tools.disk, this.tools.paths, name);
    return vanished;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.tools.ledger.save();
    } finally {
      this.tools.hasher[Symbol.dispose]();
      this.tools.lock[Symbol.dispose]();
    }
  }

  #temporary = (): string => `${this.tools.paths.temporary}/${crypto.randomUUID()}`;

  /** Whether the file is this blob: remembered to be, or hashed now. If it is not it is moved aside. */
  async #holds(
    blob: Descriptor,
    path: string,
    signal: AbortSignal,
    verifying: (done: number) => void,
  ): Promise<boolean> {
    const file = await statOf(path);
    if (!file) return false;
    if (file.isFile && file.size === blob.size) {
      if (this.tools.ledger.vouchesFor(blob.digest, file)) return true;
      if (await this.#hashes(blob, path, signal, verifying)) {
        this.tools.ledger.note(blob.digest, file);
        if (blob.size >= WORTH_SAVING) await this.tools.ledger.save();
        return true;
      }
    }
    const { disk, paths, folderOwnership } = this.tools;
    await makeFolder(disk, paths.bad, folderOwnership);
    await disk.rename(path, `${paths.bad}/${blobFile(blob.digest)}-${crypto.randomUUID()}`);
    return false;
  }

  async #hashes(
    blob: Descriptor,
    path: string,
    signal: AbortSignal,
    verifying: (done: number) => void,
  ): Promise<boolean> {
    const run = this.tools.hasher.follow(path, 0);
    try {
      while (run.position < blob.size) {
        signal.throwIfAborted();
        verifying(run.position);
        if (!await run.extend(Math.min(blob.size, run.position + REPORT_EVERY))) return false;
      }
      verifying(blob.size);
      return blob.size === 0 || run.digest === blob.digest;
    } finally {
      await run.close();
    }
  }

  async #note(blob: Descriptor, path: string): Promise<void> {
    const file = await statOf(path);
    if (file) this.tools.ledger.note(blob.digest, file);
  }
}

/** Makes the file of an unfinished blob, so that it can be locked before anything of it is believed. */
async function makePartial(disk: Disk, path: string, ownership: Ownership): Promise<void> {
  if (await statOf(path)) return;
  using _file = await disk.open(path, "new");
  await disk.own(path, ownership);
}

function busy({ partial, lock }: BlobPaths): PullamaError {
  return new PullamaError("busy", `cannot write ${partial}: another pullama is at work on it`, {
    hint:
      `its lock file ${lock} was removed meanwhile; run the same command again when it has ended`,
  });
}
