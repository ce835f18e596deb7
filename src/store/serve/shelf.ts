/** A models folder as it is given away: names and digests in, manifests and open blobs out. */

import { type Digest, isDigest } from "../../core/digest.ts";
import { PullamaError } from "../../core/errors.ts";
import { MANIFEST_MEDIA_TYPES } from "../../core/manifest.ts";
import { DEFAULT_HOST, type ModelName } from "../../core/name.ts";
import type { Offer } from "../../core/reports/serve.ts";
import { settledWithin } from "../../io/abort.ts";
import type { Folder } from "../layout/folder.ts";
import { requireOwnFolders } from "../layout/trust.ts";
import { type OpenBlob, openServedBlob } from "./blob.ts";
import { type Catalog, type OfferedModel, readCatalog } from "./catalog.ts";
import { Proofs } from "./proof.ts";

/** Milliseconds for which what was read of the folder counts: a flood of requests must not read it all the time. */
const FRESH_MS = 1_000;
/** Milliseconds that a request waits while the folder is read again. Then what is known from before counts. */
const LONGEST_READ = 1_000;

/** A repository; `hosts` are the spellings of its host. */
export interface Place {
  readonly hosts: readonly string[];
  readonly namespace: string;
  readonly model: string;
}

export class FolderShelf implements Disposable {
  #catalog: Catalog | undefined;
  #readAt = -Infinity;
  /** One at a time: a slow disk must not get more of them the slower it is. */
  #reading: Promise<Catalog> | undefined;

  private constructor(
    private readonly folder: Folder,
    private readonly shared: readonly ModelName[],
    private readonly proofs: Proofs,
    private readonly now: () => number,
  ) {}

  /** `shared`: models that are given away besides those that everyone can pull. `now` in milliseconds. */
  static async open(
    folder: Folder,
    shared: readonly ModelName[],
    now: () => number,
  ): Promise<FolderShelf> {
    await requireOwnFolders(folder.paths);
    return new FolderShelf(folder, shared, await Proofs.open(folder), now);
  }

  async offer(): Promise<Offer> {
    return (await this.#read()).offer;
  }

  async manifest(of: Place, reference: string) {
    const catalog = await this.#read();
    const models = modelsOf(catalog, of);
    const found = isDigest(reference)
      ? models.flatMap(({ manifests }) => manifests).find(({ digest }) => digest === reference)
      : spelled(models, reference, ({ name }) => name.tag)?.manifests[0];
    if (!found) return none(catalog, of);
    return { bytes: found.bytes, digest: found.digest, mediaType: mediaTypeOf(found.bytes) };
  }

  async blob(of: Place, digest: Digest): Promise<OpenBlob | "checking" | undefined> {
    const catalog = await this.#read();
    const model = modelsOf(catalog, of).find(({ blobs }) => blobs.has(digest));
    if (!model) return none(catalog, of);
    return await openServedBlob(this.folder.paths, digest, model.blobs.get(digest)!, this.proofs);
  }

  async repositories() {
    const { models } = await this.#read();
    const groups = Map.groupBy(models, ({ name }) => pathOf(name));
    return [...groups].map(([name, models]) => ({
      name,
      tags: models.map(({ name }) => name.tag),
    }));
  }

  async tags(of: Place) {
    const catalog = await this.#read();
    const [first, ...more] = modelsOf(catalog, of);
    if (!first) return none(catalog, of);
    return { name: pathOf(first.name), tags: [first, ...more].map(({ name }) => name.tag) };
  }

  [Symbol.dispose](): void {
    this.proofs[Symbol.dispose]();
  }

  async #read(): Promise<Catalog> {
    const before = this.#catalog;
    if (before && this.now() - this.#readAt < FRESH_MS) return before;
    const reading = this.#reading ??= this.#readNow().finally(() => this.#reading = undefined);
    if (before && !await settledWithin(reading, LONGEST_READ)) return before;
    return await reading;
  }

  async #readNow(): Promise<Catalog> {
    try {
      await requireOwnFolders(this.folder.paths);
      await this.proofs.refresh();
      this.#catalog = await readCatalog(this.folder.paths, this.shared, this.proofs);
      this.#readAt = this.now();
      return this.#catalog;
    } catch (error) {
      // The folder may have got into other hands.
      this.#catalog = undefined;
      throw error;
    }
  }
}

function modelsOf({ models }: Catalog, { hosts, namespace, model }: Place) {
  const there = models.filter(({ name }) => hosts.includes(name.host.toLowerCase()));
  const wanted = `${namespace}/${model}`;
  const nameOf = ({ name }: OfferedModel) => `${name.namespace}/${name.model}`;
  const spelling = spelled(there, wanted, nameOf);
  return spelling ? there.filter((one) => nameOf(one) === nameOf(spelling)) : [];
}

/** There is no such thing. Throws with kind local where that is not known. */
function none({ unreadable }: Catalog, { hosts, namespace, model }: Place): undefined {
  const wanted = `${namespace}/${model}`.toLowerCase();
  const isUnknown = unreadable.some((name) =>
    hosts.includes(name.host.toLowerCase()) &&
    `${name.namespace}/${name.model}`.toLowerCase() === wanted
  );
  if (isUnknown) throw new PullamaError("local", `cannot read all of ${namespace}/${model}`);
}

/** The one that is spelled so, or the only one that differs in case only. */
function spelled<T>(things: readonly T[], text: string, of: (thing: T) => string): T | undefined {
  const exact = things.find((thing) => of(thing) === text);
  if (exact) return exact;
  const folded = things.filter((thing) => of(thing).toLowerCase() === text.toLowerCase());
  const [one] = folded;
  return one && folded.every((other) => of(other) === of(one)) ? one : undefined;
}

/** In a path of a server: models of the default registry without their host. */
function pathOf({ host, namespace, model }: ModelName): string {
  const own = `${namespace}/${model}`;
  return host.toLowerCase() === DEFAULT_HOST ? own : `${host.replace(":", "_")}/${own}`;
}

/** As the manifest says; that of Ollama's manifests where it does not. */
function mediaTypeOf(bytes: Uint8Array): string {
  const { mediaType } = JSON.parse(new TextDecoder().decode(bytes)) as { mediaType?: unknown };
  const valid = typeof mediaType === "string" && /^[\w.+-]+\/[\w.+-]+$/.test(mediaType);
  return valid ? mediaType : MANIFEST_MEDIA_TYPES[0]!;
}
