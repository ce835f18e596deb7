/** The result of `pullama verify`. */

import type { Digest } from "../digest.ts";
import type { ModelName } from "../name.ts";

export type FindingKind =
  | "missing"
  | "wrong_size"
  | "wrong_digest"
  /** A file that cannot be read, or is none. */
  | "unreadable"
  /** A manifest that cannot be read or parsed. */
  | "broken_manifest"
  /** A file with a name that neither Ollama nor pullama gives; nothing is wrong with any model. */
  | "foreign_name";

/** What is wrong with a blob. */
export interface BlobProblem {
  readonly kind: Exclude<FindingKind, "broken_manifest" | "foreign_name">;
  /** Bytes that the file has, if that is what is wrong. */
  readonly found?: number;
  /** The digest of its content, if that is what is wrong. */
  readonly actual?: Digest;
  /** One sentence, if the kind does not say it all. */
  readonly reason?: string;
  /** The disk cannot read it: a pull replaces the file. */
  readonly lost?: true;
}

export interface Finding extends Omit<BlobProblem, "kind"> {
  readonly kind: FindingKind;
  readonly path: string;
  /** The models that need the file; none where that is not known. */
  readonly models: readonly ModelName[];
  /** Of the blob, by its manifest. */
  readonly digest?: Digest;
  /** Bytes of the blob, by its manifest. */
  readonly size?: number;
}

export interface VerifyOptions {
  /** Empty: all installed models. */
  readonly names: readonly ModelName[];
  /** Reads every blob, also those that were verified and have not changed since. */
  readonly full: boolean;
}

export interface VerifyWatcher {
  readonly signal: AbortSignal;
  onFinding(finding: Finding): void;
  /** Bytes read so far, and in all. */
  onProgress(done: number, total: number): void;
}

export interface VerifyReport {
  readonly models: number;
  readonly blobs: number;
  /** Bytes of all blobs. */
  readonly bytes: number;
  /** Bytes that were read; the others were verified before and have not changed since. */
  readonly read: number;
  /** Findings, without those of kind `foreign_name`. */
  readonly problems: number;
  /** Given names that are not installed. */
  readonly notInstalled: readonly ModelName[];
}
