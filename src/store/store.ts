/** The models folder, shared with Ollama: the front door to everything that is done with it. */

import type {
  BlobStatus,
  PullIntent,
  Room,
  Session,
  Source,
  Store,
  UnfinishedBytes,
} from "../core/content.ts";
import type { Digest } from "../core/digest.ts";
import type { Descriptor, Manifest } from "../core/manifest.ts";
import type { Machine } from "../core/manifest_index.ts";
import type { ModelName } from "../core/name.ts";
import type { CleanReport } from "../core/reports/clean.ts";
import type { Inventory, ModelDetails } from "../core/reports/installed.ts";
import type { PartialModel } from "../core/reports/partial.ts";
import type { PruneReport } from "../core/reports/prune.ts";
import type { Removal } from "../core/reports/rm.ts";
import type { VerifyOptions, VerifyReport, VerifyWatcher } from "../core/reports/verify.ts";
import type { PushSource, UploadNotes } from "../core/upload/target.ts";
import type { Disk } from "../io/disk.ts";
import type { CleanOptions } from "./clean/clean.ts";
import type { Controls } from "./layout/controls.ts";
import type { Folder } from "./layout/folder.ts";
import { type Paths, pathsOf } from "./layout/paths.ts";
import type { ModelFiles } from "./read/model_files.ts";
import type { PruneOptions } from "./remove/prune.ts";
import type { FolderShelf } from "./serve/shelf.ts";

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
  return new ModelsFolder(root, options);
}

/**
 * All methods reject with kind local where the folder cannot be read or written. What each of them needs is loaded
 * when it is called: most commands need little of it.
 */
export class ModelsFolder implements Store {
  readonly #paths: Paths;

  constructor(root: string, private readonly options: FolderOptions) {
    this.#paths = pathsOf(root);
  }

  /** What is installed, whether it is complete or not. */
  async list(withBlobs = false): Promise<Inventory> {
    const { inventoryOf } = await import("./manifests/list.ts");
    return await inventoryOf(this.#paths, this.#machine, withBlobs);
  }

  /** What is partly downloaded; see `partialModels`. */
  async partial(): Promise<readonly PartialModel[]> {
    const { partialModels } = await import("./show/partial.ts");
    return await partialModels(this.#paths);
  }

  async names(): Promise<readonly ModelName[]> {
    const { installedNames } = await import("./manifests/installed.ts");
    return await installedNames(this.#paths);
  }

  /** The installed manifest; undefined: there is none, it cannot be read, or it is an index of several. */
  async manifest(name: ModelName): Promise<Manifest | undefined> {
    const { installedManifest } = await import("./manifests/installed.ts");
    return await installedManifest(this.#paths, name);
  }

  /** Everything about one model; undefined if it is not installed. */
  async details(name: ModelName): Promise<ModelDetails | undefined> {
    const { detailsOf } = await import("./show/details.ts");
    return await detailsOf(this.#paths, name, this.#machine);
  }

  /** Removes models, and the blobs that no other model uses; see `removeModels`. */
  async remove(names: readonly ModelName[]): Promise<Removal[]> {
    const [folder, { removeModels }] = await this.#with(import("./remove/remove.ts"));
    return await removeModels(folder, names);
  }

  /** Removes partial downloads; see `cleanFolder`. */
  async clean(options: CleanOptions): Promise<CleanReport> {
    const [folder, { cleanFolder }] = await this.#with(import("./clean/clean.ts"));
    return await cleanFolder(folder, options);
  }

  /** Removes blobs that no manifest uses; see `pruneFolder`. */
  async prune(options: PruneOptions): Promise<PruneReport> {
    const [folder, { pruneFolder }] = await this.#with(import("./remove/prune.ts"));
    return await pruneFolder(folder, options);
  }

  /** Checks installed models; see `checkFolder`. */
  async verify(options: VerifyOptions, watcher: VerifyWatcher): Promise<VerifyReport> {
    const [folder, { checkFolder }] = await this.#with(import("./check/check.ts"));
    return await checkFolder(folder, this.#machine, options, watcher);
  }

  async spelling(name: ModelName): Promise<ModelName> {
    const { installedSpelling } = await import("./manifests/spelling.ts");
    return await installedSpelling(this.#paths, name);
  }

  async installed(name: ModelName): Promise<Digest | undefined> {
    const { installedDigest } = await import("./manifests/installed.ts");
    return await installedDigest(this.#paths, name);
  }

  async dropReplaced(): Promise<number> {
    const [folder, { dropReplaced }] = await this.#with(import("./remove/replaced.ts"));
    return await dropReplaced(folder);
  }

  async room(): Promise<Room> {
    const { roomIn } = await import("./layout/room.ts");
    return roomIn(this.#paths);
  }

  async survey(blobs: readonly Descriptor[]): Promise<BlobStatus[]> {
    const [folder, { surveyFolder }] = await this.#with(import("./write/survey.ts"));
    return await surveyFolder(folder, blobs);
  }

  async enter(
    signal: AbortSignal,
    waiting: (holder: string | undefined) => void,
    intent?: PullIntent,
  ): Promise<Session> {
    const [folder, { enterFolder }] = await this.#with(import("./write/enter.ts"));
    const { tool = "pullama" } = this.options;
    return await enterFolder(folder, { signal, waiting, intent, tool });
  }

  /** Rejects with kind `usage` where this folder shares anything with `other`; see `requireApart`. */
  async requireApart(other: ModelsFolder): Promise<void> {
    const { requireApart } = await import("./write/apart.ts");
    await requireApart(other.#paths, this.#paths);
  }

  /** Blobs of `other` that are missing here get a second name here, where that is as good as a copy; see `linkBlobs`. */
  async link(
    other: ModelsFolder,
    blobs: readonly Descriptor[],
    signal: AbortSignal,
  ): Promise<void> {
    const [folder, theirs, { linkBlobs }, { requireNoLinks }] = await Promise.all([
      this.#folder(),
      other.#folder(),
      import("./write/link.ts"),
      import("./write/apart.ts"),
    ]);
    const { tool = "pullama" } = this.options;
    const entry = { signal, waiting() {}, intent: undefined, tool };
    await requireNoLinks(other.#paths, this.#paths, blobs);
    await linkBlobs(folder, theirs, blobs, entry);
  }

  /** What other commands have set for all pulls. Never rejects. */
  async controls(): Promise<Controls> {
    const { readControls } = await import("./layout/controls.ts");
    return await readControls(this.#paths);
  }

  /** Sets the rate of all pulls, in bytes per second; undefined: as each was started. */
  async limit(rate: number | undefined): Promise<void> {
    const [folder, { writeRate }] = await this.#with(import("./layout/controls.ts"));
    await writeRate(folder, rate);
  }

  /** Pauses all pulls, or lets them continue. */
  async pause(paused: boolean): Promise<void> {
    const [folder, { writePaused }] = await this.#with(import("./layout/controls.ts"));
    await writePaused(folder, paused);
  }

  /** The files of models, to be copied elsewhere; see `modelFiles`. */
  async files(names: readonly ModelName[], skip: ReadonlySet<Digest>): Promise<ModelFiles> {
    const [folder, { modelFiles }] = await this.#with(import("./read/model_files.ts"));
    return await modelFiles(folder, names, skip, this.#machine);
  }

  /** What is installed as a source of models. */
  async source(): Promise<Source> {
    const { FolderSource } = await import("./read/folder_source.ts");
    return new FolderSource(this.#paths, this.#machine);
  }

  /** What is installed, to be pushed elsewhere, and the notes of uploads. */
  async pushed(): Promise<{ readonly source: PushSource; readonly notes: UploadNotes }> {
    const [folder, { PushedFolder }] = await this.#with(import("./push/source.ts"));
    const { UploadFolder } = await import("./push/notes.ts");
    const source = new PushedFolder(this.#paths, this.#machine);
    return { source, notes: new UploadFolder(folder) };
  }

  /** What is given away to others; see `FolderShelf`. To be disposed. */
  async shelf(shared: readonly ModelName[], now: () => number): Promise<FolderShelf> {
    const [folder, { FolderShelf }] = await this.#with(import("./serve/shelf.ts"));
    return await FolderShelf.open(folder, shared, now);
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

  /** The folder, beside a part of the program that is being loaded. */
  async #with<T>(part: Promise<T>): Promise<[Folder, T]> {
    return await Promise.all([this.#folder(), part]);
  }

  async #folder(): Promise<Folder> {
    const { folderAt } = await import("./layout/folder.ts");
    return folderAt(this.#paths, this.options.disk);
  }

  get #machine(): Machine {
    return this.options.machine ?? Deno.build;
  }
}
