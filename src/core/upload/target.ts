/**
 * The contract between the engine of a push and the registry that models are sent to. One attempt each: nothing is retried
 * in here, and every failure is a PullamaError.
 */

import type { BlobSource } from "../content.ts";
import type { Digest } from "../digest.ts";
import type { Descriptor, Manifest } from "../manifest.ts";
import type { ModelName } from "../name.ts";
import type { Range } from "../ranges.ts";

/** An upload that a registry has begun. */
export interface Upload {
  /** The URL at which it continues. */
  readonly location: string;
  /** The bytes that the registry has. */
  readonly offset: number;
  /** The fewest bytes that it takes at once, except at the end of the blob. */
  readonly least: number;
}

/** Some bytes of a blob. */
export interface UploadPart {
  readonly range: Range;
  /** A stream of exactly these bytes; opened again where a request has to be repeated. */
  open(): ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** Where models are pushed to. */
export interface PushTarget {
  /** The URL of the repository of a model there, which tells it apart from all others. */
  place(name: ModelName): string;
  /** Whether the repository of the model has the blob; false also where that cannot be asked. */
  has(name: ModelName, blob: Descriptor, signal: AbortSignal): Promise<boolean>;
  /**
   * Begins an upload. With `from`, a model that was pushed with this blob, the registry may take it from there: then
   * undefined, the blob is there.
   */
  begin(
    name: ModelName,
    blob: Descriptor,
    from: ModelName | undefined,
    signal: AbortSignal,
  ): Promise<Upload | undefined>;
  /** The upload as the registry has it now; undefined if it has forgotten it. */
  state(name: ModelName, upload: Upload, signal: AbortSignal): Promise<Upload | undefined>;
  /**
   * Sends the part that begins at the offset of the upload. The result may be behind its end. Rejects with `stale` if the
   * registry does not continue the upload there: `state` tells more.
   */
  append(
    name: ModelName,
    upload: Upload,
    part: UploadPart,
    signal: AbortSignal,
  ): Promise<Upload>;
  /**
   * Ends the upload, with `last` as what is missing of the blob; resolves once the registry has the blob under its
   * digest. Rejects with `digest` if it has other bytes.
   */
  finish(
    name: ModelName,
    upload: Upload,
    blob: Descriptor,
    last: UploadPart | undefined,
    signal: AbortSignal,
  ): Promise<void>;
  /** Gives an upload up. Never rejects. */
  drop(name: ModelName, upload: Upload, signal: AbortSignal): Promise<void>;
  /** The digest of the manifest that the tag has there; undefined if there is none, or it is not said. */
  tag(name: ModelName, signal: AbortSignal): Promise<Digest | undefined>;
  /** Sets the tag, and checks that the registry has exactly these bytes. */
  putManifest(name: ModelName, manifest: Manifest, signal: AbortSignal): Promise<void>;
}

/** Where the models of a push are read. Every failure is a PullamaError; nothing is retried in here. */
export interface PushSource extends Pick<BlobSource, "open" | "forgetAddress"> {
  /** It is a network, which may break and recover. */
  readonly isRemote: boolean;
  /** The manifest of a model, and its name as it is spelled there. Rejects as `ManifestSource.manifest`. */
  model(name: ModelName, signal: AbortSignal): Promise<PushedModel>;
}

export interface PushedModel {
  readonly name: ModelName;
  readonly manifest: Manifest;
}

/** What is remembered of uploads, for a run after this process was killed. A lost note costs bytes that are sent again. */
export interface UploadNotes {
  /**
   * The note of a blob for a place, which no other process uses until it is disposed; undefined: another one does, or
   * there can be none. Never rejects.
   */
  open(place: string, blob: Descriptor): Promise<UploadNote | undefined>;
}

export interface UploadNote extends AsyncDisposable {
  /** What an earlier run has noted. */
  readonly upload: Upload | undefined;
  /** Never rejects. */
  save(upload: Upload): Promise<void>;
  /** Removes the note. Never rejects. */
  drop(): Promise<void>;
}
