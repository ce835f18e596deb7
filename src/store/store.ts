/** The models folder, shared with Ollama: the front door to everything that is done with it. */

import type { BlobStatus, PullIntent, Session, Store, UnfinishedBytes } from "../core/content.ts";
import type { Descriptor } from "../core/manifest.ts";
import type { Machine } from "../core/manifest_index.ts";
import type { ModelName } from "../core/name.ts";
import type { CleanReport } from "../core/reports/clean.ts";
import type { Inventory, ModelDetails } from "../core/reports/installed.ts";
import type { Removal } from "../core/reports/rm.ts";
import { type Disk, realDisk } from "../io/disk.ts";
import { isDenied, isReadOnly } from "../io/file_error.ts";
import { fileSystemOf } from "../io/file_system.ts";
import { Hasher } from "../io/hash.ts";
import { waitLock } from "../io/lock.ts";
import { freeBytes } from "../io/space.ts";
import { namesIn } from "../io/stat.ts";
import type { CleanOptions } from "./clean/clean.ts";
import { type Folder, folderAt } from "./layout/folder.ts";
import { recordIntent } from "./layout/intents.ts";
import { makeFolder, makeRoot, ownershipIn } from "./layout/ownership.ts";
import { blobFile, blobPaths } from "./layout/paths.ts";
import { requireOwnFolders } from "./layout/trust.ts";
import { Ledger, verifiedFile } from "./layout/verified.ts";
import { installedNames } from "./manifests/installed.ts";
import { installedSpelling } from "./manifests/spelling.ts";
import { bootTime } from "./partial/positions.ts";
import { estimateKept } from "./partial/resume.ts";
import { requireManifestPlace } from "./write/manifest_file.ts";
import { ReadOnlySession } from "./write/read_only.ts";
import { StoreSession } from "./write/session.ts";

export type { CleanOptions } from "./clean/clean.ts";

export interface FolderOptions {
  /** What checkpoints name as their writer, such as `pullama/0.1.0`. */
  readonly tool?: string;
  /** What an index of manifests is resolved for; default this machine. */
  readonly machine?: Machine;
  /** Every step that changes the folder. */
  readonly disk?: Disk;
}

/** The models folder `root`, which need not exist. Nothing is read or made before it is asked for. */
export function openFolder(root: string, options: FolderOptions = {}): ModelsFolder {
  return new ModelsFolder(folderAt(root, options.disk ?? realDisk), options);
}

/** All methods reject with kind local where the folder cannot be read or written. */
export class ModelsFolder implements Store {
  constructor(private readonly folder: Folder, private readonly options: FolderOptions) {}

  /** What is installed, whether it is complete or not. */
  async list(): Promise<Inventory> {
    const { inventoryOf } = await import("./manifests/list.ts");
    return await inventoryOf(this.folder.paths, this.#machine);
  }

  names(): Promise<readonly ModelName[]> {
    return installedNames(this.folder.paths);
  }

  /** Everything about one model; undefined if it is not installed. */
  async details(name: ModelName): Promise<ModelDetails | undefined> {
    const { detailsOf } = await import("./show/details.ts");
    return await detailsOf(this.folder.paths, name, this.#machine);
  }

  /** Removes models, and the blobs that no other model uses; see `removeModels`. */
  async remove(names: readonly ModelName[]): Promise<Removal[]> {
    const { removeModels } = await import("./remove/remove.ts");
    return await removeModels(this.folder, names);
  }

  /** Removes partial downloads; see `cleanFolder`. */
  async clean(options: CleanOptions): Promise<CleanReport> {
    const { cleanFolder } = await import("./clean/clean.ts");
    return await cleanFolder(this.folder, options);
  }

  spelling(name: ModelName): Promise<ModelName> {
    return installedSpelling(this.folder.paths, name);
  }

  /** Of the fuller disk, where `blobs` is on one of its own: a download needs both. */
  free(): number | undefined {
    const { root, blobs } = this.folder.paths;
    const all = [root, blobs].map(freeBytes).filter((bytes) => bytes !== undefined);
    return all.length === 0 ? undefined : Math.min(...all);
  }

  largestFile(): number | undefined {
    return fileSystemOf(this.folder.paths.root)?.largestFile;
  }

  async survey(blobs: readonly Descriptor[]): Promise<BlobStatus[]> {
    const { paths } = this.folder;
    const [final, ready, own] = await Promise.all(
      [paths.blobs, paths.ready, paths.own].map(async (folder) => new Set(await namesIn(folder))),
    );
    const ledger = await Ledger.open(this.folder);
    const statuses: BlobStatus[] = [];
    for (const blob of blobs) {
      const at = blobPaths(paths, blob.digest);
      const file = blobFile(blob.digest);
      const whole = final!.has(file) ? at.final : ready!.has(file) ? at.ready : undefined;
      const info = whole === undefined ? undefined : await Deno.stat(whole).catch(() => undefined);
      if (info?.isFile && info.size === blob.size) {
        const state = ledger.vouchesFor(blob.digest, verifiedFile(info)) ? "present" : "unproven";
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
  ): Promise<Session> {
    await requireOwnFolders(this.folder.paths);
    try {
      return await this.#enter(signal, waiting, intent);
    } catch (error) {
      if (signal.aborted || !(isDenied(error) || isReadOnly(error))) throw error;
      return await ReadOnlySession.open(this.folder, error);
    }
  }

  async #enter(
    signal: AbortSignal,
    waiting: (holder: string | undefined) => void,
    intent?: PullIntent,
  ): Promise<StoreSession> {
    const { folder } = this;
    const { disk, paths } = folder;
    await makeRoot(disk, paths.root);
    const { folder: folderOwnership } = await ownershipIn(paths.root);
    for (const path of [paths.blobs, paths.own, paths.ready, paths.temporary]) {
      await makeFolder(disk, path, folderOwnership);
    }
    if (intent) await requireManifestPlace(folder, intent.name);
    const { file } = await ownershipIn(paths.blobs);
    const ownership = { file, folder: folderOwnership };
    using locks = new DisposableStack();
    const options = { shared: true, ownership: file, signal, onWait: waiting };
    locks.use(await waitLock(paths.storeLock, options));
    if (intent && intent.digests.size > 0) {
      locks.use(await recordIntent(folder, intent, ownership, signal, waiting));
    }
    return new StoreSession({
      folder,
      ownership,
      ledger: await Ledger.open(folder, file),
      hasher: new Hasher(),
      lock: locks.move(),
      ...(intent && { intent: intent.name }),
      boot: bootTime(),
      tool: this.options.tool ?? "pullama",
    });
  }

  /** What `clean` would free now. */
  async unfinishedBytes(blobs: readonly Descriptor[]): Promise<UnfinishedBytes> {
    const { signal } = new AbortController();
    const { removed } = await this.clean({ models: [], dryRun: true, queue: false, signal });
    const digests = new Set(blobs.map(({ digest }) => digest));
    const freed = { own: 0, others: 0 };
    for (const { kind, digest, bytes } of removed) {
      if (kind === "records") continue;
      freed[digest && digests.has(digest) ? "own" : "others"] += bytes;
    }
    return freed;
  }

  get #machine(): Machine {
    return this.options.machine ?? Deno.build;
  }
}
