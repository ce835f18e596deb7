/** Every path in the models folder, made here and nowhere else. The separator is "/" on every system. */

import { type Digest, hexOf } from "../../core/digest.ts";
import type { ModelName } from "../../core/name.ts";

export interface Paths {
  readonly root: string;
  readonly blobs: string;
  readonly manifests: string;
  /** Everything unfinished; Ollama ignores it. */
  readonly own: string;
  /** Verified blobs that wait for the rest of their model. */
  readonly ready: string;
  /** Files that are about to be renamed. */
  readonly temporary: string;
  /** Blobs whose content was not what their name says. */
  readonly bad: string;
  /** Which models the unfinished blobs are for. */
  readonly intents: string;
  readonly ledger: string;
  /** Held while the ledger is replaced. */
  readonly ledgerLock: string;
  readonly storeLock: string;
  /** The queue of models to pull. */
  readonly queue: string;
  /** Locked while the queue is changed. */
  readonly queueLock: string;
  /** Locked by the process that pulls the queue. */
  readonly runnerLock: string;
  /** The lock of the Go program for removing models. */
  readonly oldRemoveLock: string;
}

/** The paths below the models folder `root`. */
export function pathsOf(root: string): Paths {
  const clean = root.replace(/(?<=.)[\\/]+$/, "");
  const own = `${clean}/.pullm`;
  return {
    root: clean,
    blobs: `${clean}/blobs`,
    manifests: `${clean}/manifests`,
    own,
    ready: `${own}/ready`,
    temporary: `${own}/tmp`,
    bad: `${own}/bad`,
    intents: `${own}/wanted`,
    ledger: `${own}/ledger.json`,
    ledgerLock: `${own}/ledger.lock`,
    storeLock: `${own}/store.lock`,
    queue: `${own}/queue.json`,
    queueLock: `${own}/queue.lock`,
    runnerLock: `${own}/runner.lock`,
    oldRemoveLock: `${clean}/manifests/.pullm-rm.lock`,
  };
}

/** The paths of one blob. */
export interface BlobPaths {
  readonly final: string;
  readonly ready: string;
  readonly partial: string;
  readonly checkpoint: string;
  readonly positions: string;
  readonly lock: string;
  /** The files of the Go program, in blobs/. */
  readonly oldPartial: string;
  readonly oldLock: string;
}

/** The file name of a blob, in blobs/ and in ready/. */
export function blobFile(digest: Digest): string {
  return `sha256-${hexOf(digest)}`;
}

/** The paths of the blob `digest`. */
export function blobPaths(paths: Paths, digest: Digest): BlobPaths {
  const file = blobFile(digest);
  return {
    final: `${paths.blobs}/${file}`,
    ready: `${paths.ready}/${file}`,
    partial: `${paths.own}/${file}.partial`,
    checkpoint: `${paths.own}/${file}.json`,
    positions: `${paths.own}/${file}.live`,
    lock: `${paths.own}/${file}.lock`,
    oldPartial: `${paths.blobs}/${file}.partial`,
    oldLock: `${paths.blobs}/${file}.lock`,
  };
}

/** The folders of a manifest, outermost first, from manifests/ on. */
export function manifestFolders(paths: Paths, name: ModelName): readonly string[] {
  const host = `${paths.manifests}/${name.host}`;
  const namespace = `${host}/${name.namespace}`;
  return [paths.manifests, host, namespace, `${namespace}/${name.model}`];
}

/** The manifest file of a model. */
export function manifestPath(paths: Paths, name: ModelName): string {
  return `${paths.manifests}/${name.host}/${name.namespace}/${name.model}/${name.tag}`;
}
