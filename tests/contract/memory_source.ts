/** A source in memory: the least that the contract asks for, without a network. */

import type { BlobBody, Source } from "../../src/core/content.ts";
import { type Digest, digestOf } from "../../src/core/digest.ts";
import { PullamaError } from "../../src/core/errors.ts";
import {
  type Descriptor,
  type Manifest,
  movedError,
  parseManifest,
} from "../../src/core/manifest.ts";
import { fullName, type ModelName } from "../../src/core/name.ts";
import type { Chunk, Range } from "../../src/core/ranges.ts";
import { createHash } from "node:crypto";

export function sha256(bytes: Uint8Array): Digest {
  return digestOf(createHash("sha256").update(bytes).digest("hex"));
}

export class MemorySource implements Source {
  readonly #manifests = new Map<string, Manifest>();
  readonly #blobs = new Map<Digest, Uint8Array>();
  /** Every range that was opened, in order. */
  readonly opened: { readonly digest: Digest; readonly range: Range }[] = [];
  /** What is sent instead of the right bytes. */
  serve: (digest: Digest, range: Range, bytes: Uint8Array) => Uint8Array = (_, __, bytes) => bytes;

  /** Adds a model of these layers, and returns its manifest. */
  add(name: ModelName, layers: readonly Uint8Array[]): Manifest {
    const described = layers.map((bytes) => {
      const digest = sha256(bytes);
      this.#blobs.set(digest, bytes);
      return { mediaType: "application/vnd.ollama.image.model", digest, size: bytes.length };
    });
    const mediaType = "application/vnd.docker.distribution.manifest.v2+json";
    const text = JSON.stringify({ schemaVersion: 2, mediaType, layers: described });
    const bytes = new TextEncoder().encode(text);
    const manifest = parseManifest(bytes, sha256(bytes)) as Manifest;
    this.#manifests.set(fullName(name), manifest);
    return manifest;
  }

  manifest(name: ModelName, signal: AbortSignal): Promise<Manifest> {
    if (signal.aborted) return Promise.reject(signal.reason);
    const manifest = this.#manifests.get(fullName(name));
    if (manifest && name.digest && name.digest !== manifest.digest) {
      return Promise.reject(movedError(name, manifest.digest));
    }
    if (manifest) return Promise.resolve(manifest);
    return Promise.reject(new PullamaError("not_found", "there is no such model"));
  }

  chunksums(): Promise<readonly Chunk[] | undefined> {
    return Promise.resolve(undefined);
  }

  open(
    _name: ModelName,
    { digest }: Descriptor,
    range: Range,
    signal: AbortSignal,
  ): Promise<BlobBody> {
    if (signal.aborted) return Promise.reject(signal.reason);
    const blob = this.#blobs.get(digest);
    if (!blob) return Promise.reject(new PullamaError("not_found", "there is no such blob"));
    this.opened.push({ digest, range });
    const bytes = this.serve(digest, range, blob.slice(range.start, range.end));
    return Promise.resolve({ range, ranged: true, stream: streamOf(bytes, signal) });
  }

  sendsRanges(): boolean {
    return true;
  }

  forgetAddress(): readonly Range[] {
    return [];
  }
}

/** As a connection gives it: in pieces, each when it is asked for. */
function streamOf(bytes: Uint8Array, signal: AbortSignal): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    type: "bytes",
    pull(controller) {
      if (signal.aborted) return controller.error(signal.reason);
      controller.enqueue(bytes.slice(at, at += 65_536));
      if (at >= bytes.length) controller.close();
    },
  }, { highWaterMark: 0 });
}
