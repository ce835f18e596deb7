/** The models folder, shared with Ollama: what is in it, and taking part in it. */

import type { BlobStatus, PullIntent, Store, UnfinishedBytes } from "../core/content.ts";
import type { Descriptor } from "../core/manifest.ts";
import type { ModelName } from "../core/name.ts";
import { type Disk, realDisk } from "../io/disk.ts";
import { Hasher } from "../io/hash.ts";
import { waitLock } from "../io/lock.ts";
import { namesIn } from "../io/stat.ts";
import { fileSystemOf } from "../io/file_system.ts";
import { freeBytes } from "../io/space.ts";
import { cleanFolder } from "./clean/clean.ts";
import { installedSpelling } from "./manifests/spelling.ts";
import { Ledger } from "./layout/verified.ts";
import { bootTime } from "./partial/positions.ts";
import { makeFolder, makeRoot, ownershipIn } from "./layout/ownership.ts";
import { blobFile, blobPaths, type Paths, pathsOf } from "./layout/paths.ts";
import { estimateKept } from "./partial/resume.ts";
import { StoreSession } from "./write/session.ts";
import { recordIntent } from "./layout/intents.ts";

export interface FolderOptions {
  /** Who writes checkpoints, such as `pullama/0.1.0`. */
  readonly tool: string;
  /** Every step that a crash could fall between. */
  readonly disk?: Disk;
}

/** A models folder; nothing is read or made before it is asked for. */
export class ModelsFolder implements Store {
  readonly #paths: Paths;
  readonly #disk: Disk;

  constructor(root: string, private readonly options: FolderOptions) {
    this.#paths = pathsOf(root);
    this.#disk = options.disk ?? realDisk;
  }

  spelling(name: ModelName): Promise<ModelName> {
    return installedSpelling(this.#paths, name);
  }

  free(): number | undefined {
    return freeBytes(this.#paths.root);
  }

  largestFile(): number | undefined {
    return fileSystemOf(this.#paths.root)?.largestFile;
  }

  async survey(blobs: readonly Descriptor[]): Promise<BlobStatus[]> {
    const [final, ready, own] = await Promise.all(
      [this.#paths.blobs, this.#paths.ready, this.#paths.own]
        .map(async (folder) => new Set(await namesIn(folder))),
    );
    const ledger = await Ledger.open(this.#disk, this.#paths, () => ({}));
    const statuses: BlobStatus[] = [];
    for (const blob of blobs) {
      const at = blobPaths(this.#paths, blob.digest);
      const file = blobFile(blob.digest);
      const whole = final!.has(file) ? at.final : ready!.has(file) ? at.ready : undefined;
      const info = whole === undefined ? undefined : await Deno.stat(whole).catch(() => undefined);
      if (info?.isFile && info.size === blob.size) {
        const state = ledger.vouchesFor(blob.digest, info) ? "present" : "unproven";
        statuses.push({ blob, state, kept: blob.size });
      } else {
        const kept = own!.has(`${file}.partial`) ? await estimateKept(at, blob, bootTime()) : 0;
        statuses.push({ blob, state: "missing", kept });
      }
    }
    return statuses;
  }

  async enter(
    signal: AbortSignal,
    waiting: (holder: string | undefined) => void,
    intent?: PullIntent,
  ): Promise<StoreSession> {
    const paths = this.#paths;
    const disk = this.#disk;
    await makeRoot(disk, paths.root);
    const { folder } = await ownershipIn(paths.root);
    for (const path of [paths.blobs, paths.own, paths.ready, paths.temporary]) {
      await makeFolder(disk, path, folder);
    }
    const ownership = (await ownershipIn(paths.blobs)).file;
    using locks = new DisposableStack();
    locks.use(
      await waitLock(paths.storeLock, { shared: true, ownership, signal, onWait: waiting }),
    );
    if (intent && intent.digests.size > 0) {
      locks.use(
        await recordIntent(disk, paths, intent, { file: ownership, folder }, signal, waiting),
      );
    }
    const ledger = await Ledger.open(disk, paths, () => ownership);
    return new StoreSession({
      disk,
      paths,
      ledger,
      hasher: new Hasher(),
      lock: locks.move(),
      ownership,
      folderOwnership: folder,
      boot: bootTime(),
      tool: this.options.tool,
    });
  }

  /** What cleaning the folder would free now. */
  async unfinishedBytes(blobs: readonly Descriptor[]): Promise<UnfinishedBytes> {
    const { signal } = new AbortController();
    const all = { models: [], dryRun: true, queue: false, signal };
    const { removed } = await cleanFolder(this.#paths.root, all, this.#disk);
    const digests = new Set(blobs.map(({ digest }) => digest));
    const freed = { own: 0, others: 0 };
    for (const { kind, digest, bytes } of removed) {
      if (kind === "records") continue;
      freed[digest && digests.has(digest) ? "own" : "others"] += bytes;
    }
    return freed;
  }
}
