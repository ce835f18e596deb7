/** Every path in the models folder, made here and nowhere else. The separator is "/" on every system. */

import { type Digest, hexOf } from "../../core/digest.ts";
import type { ModelName } from "../../core/name.ts";

/** Where downloads are made. */
export interface DownloadPaths {
  /** Everything unfinished, on the file system of the blobs; Ollama ignores it. */
  readonly own: string;
  /** Verified blobs that wait for the rest of their model. */
  readonly ready: string;
  /** Files that are about to be renamed. */
  readonly temporary: string;
  /** Blobs whose content was not what their name says. */
  readonly bad: string;
}

export interface Paths extends DownloadPaths {
  readonly root: string;
  readonly blobs: string;
  readonly manifests: string;
  /** What pulls left in the models folder before the blobs were on another file system than it. */
  readonly former: DownloadPaths | undefined;
  /** Digests of the parts of finished blobs. */
  readonly parts: string;
  /** Which models the unfinished blobs are for. */
  readonly intents: string;
  /** Where uploads of pushes continue. */
  readonly uploads: string;
  /** Which blobs were used by manifests that have been replaced. */
  readonly replaced: string;
  readonly ledger: string;
  /** Held while the ledger is replaced. */
  readonly ledgerLock: string;
  readonly storeLock: string;
  /** The folder of the queue, and of what is set for all pulls. */
  readonly queueFolder: string;
  /** The rate of all pulls. */
  readonly limit: string;
  /** Exists while all pulls are paused. */
  readonly paused: string;
  /** The queue of models to pull. */
  readonly queue: string;
  /** Locked while the queue is changed. */
  readonly queueLock: string;
  /** Locked by the process that pulls the queue. */
  readonly runnerLock: string;
  /** The lock of the Go program for removing models. */
  readonly oldRemoveLock: string;
}

/** Our own folder, in the models folder or in blobs/; Ollama leaves folders there alone. */
const OWN = ".pullm";

/**
 * The paths below the models folder `root`, as it is now: where blobs/ leads to another file system, downloads are
 * made in there. They need no room on the first disk then, and get their final names without being copied.
 */
export function pathsOf(root: string): Paths {
  const clean = plainRoot(root);
  const blobs = `${clean}/blobs`;
  const usual = `${clean}/${OWN}`;
  const apart = areApart(clean, blobs);
  const own = apart ? `${blobs}/${OWN}` : usual;
  return {
    root: clean,
    blobs,
    manifests: `${clean}/manifests`,
    ...downloadsIn(own),
    former: apart ? downloadsIn(usual) : undefined,
    parts: `${own}/parts`,
    intents: `${own}/wanted`,
    uploads: `${own}/uploads`,
    replaced: `${own}/replaced`,
    ledger: `${own}/ledger.json`,
    ledgerLock: `${own}/ledger.lock`,
    storeLock: `${own}/store.lock`,
    queueFolder: usual,
    limit: `${usual}/limit`,
    paused: `${usual}/paused`,
    queue: `${usual}/queue.json`,
    queueLock: `${usual}/queue.lock`,
    runnerLock: `${usual}/runner.lock`,
    oldRemoveLock: `${clean}/manifests/.pullm-rm.lock`,
  };
}

/**
 * `root` without separators at its end, but as they are after a drive, since "C:" is another folder than "C:\". The prefix
 * of Windows that allows long paths, which the runtime adds itself, goes: after it "/" would be no separator.
 */
export function plainRoot(root: string): string {
  const short = root.replace(/^\\\\\?\\(?=[a-z]:\\)/i, "")
    .replace(/^\\\\\?\\UNC\\/i, "\\\\");
  return short.replace(/(?<=[^:\\/])[\\/]+$/, "");
}

function downloadsIn(own: string): DownloadPaths {
  return { own, ready: `${own}/ready`, temporary: `${own}/tmp`, bad: `${own}/bad` };
}

/** Whether two folders that exist are on different file systems. */
function areApart(a: string, b: string): boolean {
  try {
    return Deno.statSync(a).dev !== Deno.statSync(b).dev;
  } catch {
    return false;
  }
}

/** The paths of one blob. */
export interface BlobPaths {
  readonly final: string;
  readonly ready: string;
  readonly partial: string;
  readonly checkpoint: string;
  readonly positions: string;
  readonly lock: string;
  readonly parts: string;
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
    parts: `${paths.parts}/${file}`,
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
