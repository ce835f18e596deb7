/** A models folder in a temporary place, blobs to put into it, and a pull reduced to what the store sees. */

import { exists } from "../fakes/exists.ts";
import { createHash } from "node:crypto";
import { type Digest, digestOf } from "../../src/core/digest.ts";
import type { BlobWatcher, Ingest, Session } from "../../src/core/content.ts";
import type { Descriptor, Manifest } from "../../src/core/manifest.ts";
import { type ModelName, parseName } from "../../src/core/name.ts";
import { type Chunk, type Range, tile } from "../../src/core/ranges.ts";
import type { Disk } from "../../src/io/disk.ts";
import { type BlobPaths, blobPaths, type Paths, pathsOf } from "../../src/store/layout/paths.ts";
import { type ModelsFolder, openFolder } from "../../src/store/store.ts";
import { noise, wholeOf } from "../fakes/content.ts";

export { exists };

export const NAME: ModelName = parseName("model");

/** A signal that nobody aborts. */
export function noSignal(): AbortSignal {
  return new AbortController().signal;
}

/** A folder for one test: `models` to work in, `grave` for a disk that remembers. */
export class World implements AsyncDisposable {
  readonly models: string;
  readonly grave: string;
  readonly paths: Paths;

  constructor(readonly root: string) {
    this.models = `${root}/models`;
    this.grave = `${root}/grave`;
    this.paths = pathsOf(this.models);
    Deno.mkdirSync(this.models);
    Deno.mkdirSync(this.grave);
  }

  /** In memory where there is such a place: hundreds of power cuts need not wait for a disk. */
  static async make(): Promise<World> {
    const dir = Deno.build.os === "linux" && exists("/dev/shm") ? "/dev/shm" : undefined;
    return new World(await Deno.makeTempDir({ prefix: "pullama-store-", ...(dir && { dir }) }));
  }

  folder(disk?: Disk): ModelsFolder {
    return openFolder(this.models, { tool: "pullama/test", ...(disk && { disk }) });
  }

  enter(disk?: Disk): Promise<Session> {
    return this.folder(disk).enter(noSignal(), () => {});
  }

  at(blob: Descriptor): BlobPaths {
    return blobPaths(this.paths, blob.digest);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.root, { recursive: true });
  }
}

export interface TestBlob {
  readonly blob: Descriptor;
  readonly bytes: Uint8Array;
}

/** A blob of noise. */
export function blobOf(size: number, seed = 1): TestBlob {
  return blobFrom(wholeOf(noise(size, seed)));
}

export function blobFrom(bytes: Uint8Array): TestBlob {
  return { bytes, blob: { mediaType: "m", digest: sha256(bytes), size: bytes.length } };
}

export function sha256(bytes: Uint8Array): Digest {
  return digestOf(createHash("sha256").update(bytes).digest("hex"));
}

/** Chunks with the digests that `bytes` have there. */
export function digested(bytes: Uint8Array, length: number): Chunk[] {
  return tile(bytes.length, length).map(({ start, end }) => ({
    start,
    end,
    digest: sha256(bytes.subarray(start, end)),
  }));
}

/** A manifest of these blobs, the first being the config. */
export function manifestOf(blobs: readonly TestBlob[]): Manifest {
  const [config, ...layers] = blobs.map(({ blob }) => blob);
  const bytes = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, config, layers }));
  return { bytes, digest: sha256(bytes), config: config!, layers };
}

/** Keeps what the store reports. */
export class Witness implements BlobWatcher {
  readonly lostRanges: Range[] = [];
  readonly waits: (string | undefined)[] = [];
  verified = 0;
  /** Lists of chunk digests that were found to lie. */
  lists = 0;

  lost(range: Range): void {
    this.lostRanges.push({ start: range.start, end: range.end });
  }

  distrusted(): void {
    this.lists++;
  }

  waiting(holder: string | undefined): void {
    this.waits.push(holder);
  }

  verifying(done: number): void {
    this.verified = Math.max(this.verified, done);
  }
}

export interface FetchOptions {
  /** Length of the chunks that the blob is fetched in. */
  readonly chunk?: number;
  readonly chunks?: readonly Chunk[];
  /** Bytes a write. */
  readonly piece?: number;
  /** Pieces between two checkpoints; none: never. */
  readonly save?: number;
  readonly watcher?: BlobWatcher;
  /** What the registry sends, if not the right bytes. */
  readonly serve?: (range: Range) => Uint8Array;
  /** Called after each write. */
  readonly wrote?: () => Promise<void>;
}

/** What was asked of the registry, in order. */
export type Fetched = Range[];

/**
 * Gets one blob as a pull does: asks for what is missing, writes it, seals, and begins again where the
 * store says so. `fetched` is filled as it goes, so that it also tells of a fetch that failed.
 */
export async function fetchBlob(
  session: Session,
  { blob, bytes }: TestBlob,
  options: FetchOptions = {},
  fetched: Fetched = [],
): Promise<Fetched> {
  const { watcher = new Witness() } = options;
  const ingest = await session.ingest(blob, noSignal(), watcher);
  if (!ingest) return fetched;
  await using _ = ingest;
  for (let round = 0; round < 8; round++) {
    await fillIn(ingest, bytes, options, fetched);
    const outcome = await ingest.seal();
    if (outcome === "sealed") return fetched;
    if (outcome === "mismatch" && await ingest.dropDoubtful() === 0) {
      await ingest.forget({ start: 0, end: bytes.length });
    }
  }
  throw new Error("the blob could not be finished");
}

/** Leaves a range of a blob on disk, with a checkpoint, as an interrupted pull does. */
export async function leaveUnfinished(
  session: Session,
  { blob, bytes }: TestBlob,
  { start, end }: Range,
): Promise<void> {
  await using ingest = await session.ingest(blob, noSignal(), new Witness());
  const writer = await ingest!.writer(start);
  await writer.write(bytes.subarray(start, end));
  writer.close();
  await ingest!.checkpoint();
}

/** Fetches what is missing of `ingest`, chunk by chunk. */
export async function fillIn(
  ingest: Ingest,
  bytes: Uint8Array,
  options: FetchOptions = {},
  fetched: Fetched = [],
): Promise<Fetched> {
  const { chunk = bytes.length, piece = 16 * 1024, save = Infinity } = options;
  const { serve = ({ start, end }) => bytes.subarray(start, end) } = options;
  let pieces = 0;
  for (const { start, end } of ingest.plan(options.chunks ?? tile(bytes.length, chunk))) {
    const writer = await ingest.writer(start);
    try {
      while (writer.position < end) {
        const range = { start: writer.position, end: Math.min(end, writer.position + piece) };
        fetched.push(range);
        await writer.write(serve(range));
        await options.wrote?.();
        if (++pieces % save === 0) await ingest.checkpoint();
      }
    } finally {
      writer.close();
    }
  }
  return fetched;
}

/** The names in a folder, sorted; none if it is not there. */
export function namesIn(folder: string): string[] {
  return exists(folder) ? [...Deno.readDirSync(folder)].map(({ name }) => name).sort() : [];
}
