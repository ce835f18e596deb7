/** A models folder as it is given away: names and digests in, manifests and open blobs out. */

import { type Digest, isDigest } from "../../core/digest.ts";
import { MANIFEST_MEDIA_TYPES } from "../../core/manifest.ts";
import { DEFAULT_HOST, type ModelName } from "../../core/name.ts";
import type { Offer } from "../../core/reports/serve.ts";
import type { Folder } from "../layout/folder.ts";
import { requireOwnFolders } from "../layout/trust.ts";
import { type OpenBlob, openServedBlob } from "./blob.ts";
import { type Catalog, type OfferedModel, readCatalog } from "./catalog.ts";
import { Proofs } from "./proof.ts";

/** Milliseconds for which what was read of the folder counts: a flood of requests must not read it all the time. */
const FRESH_MS = 1_000;

/** A repository; `hosts` are the spellings of its host. */
export interface Place {
  readonly hosts: readonly string[];
  readonly namespace: string;
  readonly model: string;
}

export class FolderShelf implements Disposable {
  #catalog: Promise<Catalog> | undefined;
  #readAt = -Infinity;

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
    const models = await this.#modelsOf(of);
    const found = isDigest(reference)
      ? models.flatMap(({ manifests }) => manifests).find(({ digest }) => digest === reference)
      : spelled(models, reference, ({ name }) => name.tag)?.manifests[0];
    return found &&
      { bytes: found.bytes, digest: found.digest, mediaType: mediaTypeOf(found.bytes) };
  }

  async blob(of: Place, digest: Digest): Promise<OpenBlob | "checking" | undefined> {
    const model = (await this.#modelsOf(of)).find(({ blobs }) => blobs.has(digest));
    if (!model) return undefined;
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
    const [first, ...more] = await this.#modelsOf(of);
    if (!first) return undefined;
    return { name: pathOf(first.name), tags: [first, ...more].map(({ name }) => name.tag) };
  }

  [Symbol.dispose](): void {
    this.proofs[Symbol.dispose]();
  }

  async #modelsOf({ hosts, namespace, model }: Place): Promise<readonly OfferedModel[]> {
    const { models } = await this.#read();
    const there = models.filter(({ name }) => hosts.includes(name.host.toLowerCase()));
    const wanted = `${namespace}/${model}`;
    const nameOf = ({ name }: OfferedModel) => `${name.namespace}/${name.model}`;
    const spelling = spelled(there, wanted, nameOf);
    return spelling ? there.filter((one) => nameOf(one) === nameOf(spelling)) : [];
  }

  #read(): Promise<Catalog> {
    const now = this.now();
    if (this.#catalog && now - this.#readAt < FRESH_MS) return this.#catalog;
    this.#readAt = now;
    const reading = this.#readNow();
    // What could not be read once may be readable at the next request.
    reading.catch(() => {
      if (this.#catalog === reading) this.#catalog = undefined;
    });
    return this.#catalog = reading;
  }

  async #readNow(): Promise<Catalog> {
    await requireOwnFolders(this.folder.paths);
    await this.proofs.refresh();
    return await readCatalog(this.folder.paths, this.shared, this.proofs);
  }
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
