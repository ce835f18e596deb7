/// <reference lib="deno.worker" />
/**
 * Hashes ranges of files from the page cache, one request at a time and in order, so that the main
 * thread does not have to. A run is a hash in progress over a contiguous range; each request
 * extends it.
 */

import { createHash, type Hash } from "node:crypto";
import { errorNumbers, hasNumber } from "./system/numbers.ts";
import type { HashedFile, HashRequest, HashResponse } from "./hash.ts";

interface Run {
  readonly file: Deno.FsFile;
  hash: Hash;
  position: number;
  anchor: { readonly hash: Hash; readonly position: number };
}

const runs = new Map<number, Run>();
const buffer = new Uint8Array(512 * 1024);

self.onmessage = ({ data }: MessageEvent<HashRequest>): void => {
  self.postMessage(respond(data));
};

function respond(request: HashRequest): HashResponse {
  try {
    if (request.do === "close") {
      runs.get(request.run)?.file.close();
      runs.delete(request.run);
      return { id: request.id };
    }
    const run = runs.get(request.run) ?? begin(request.run, request.path, request.start);
    if (request.do === "sync") return { id: request.id, file: synced(run.file, request.path) };
    return { id: request.id, ...extend(run, request) };
  } catch (error) {
    const code = (error as { code?: string }).code;
    return {
      id: request.id,
      failure: {
        message: error instanceof Error ? error.message : String(error),
        ...(code === undefined ? {} : { code }),
      },
    };
  }
}

function begin(id: number, path: string, start: number): Run {
  const hash = createHash("sha256");
  const file = Deno.openSync(path);
  const run = { file, hash, position: start, anchor: { hash: hash.copy(), position: start } };
  runs.set(id, run);
  return run;
}

/** A file on a read-only file system, or a special one, cannot be synced and need not be. */
const NOT_SYNCED: readonly string[] = ["EINVAL", "EROFS", "ENOTSUP"];

function synced(file: Deno.FsFile, path: string): HashedFile {
  if (Deno.build.os === "windows") syncOnWindows(path);
  else {
    try {
      file.syncDataSync();
    } catch (error) {
      if (!NOT_SYNCED.includes((error as { code?: string }).code ?? "")) throw error;
    }
  }
  const { dev, ino, size, mtime, uid, isFile } = file.statSync();
  return { dev, ino, size, mtimeMs: mtime?.getTime() ?? 0, uid, isFile };
}

const IN_USE = errorNumbers().inUse;

/**
 * Windows syncs a file only through a handle that may write. A file that is read-only, or that another program has open
 * and lets no one write to, was not written just now.
 */
function syncOnWindows(path: string): void {
  try {
    using file = Deno.openSync(path, { read: true, write: true });
    file.syncDataSync();
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied) && !hasNumber(error, IN_USE)) throw error;
  }
}

/**
 * Hashes from the position of the run to `end` and returns the digest so far, or "" if the file is
 * shorter. The run is reset to its anchor in that case, on a digest mismatch and on a failed read.
 */
function extend(run: Run, request: HashRequest & { do: "extend" }): { hex: string } {
  const { end, anchor, expect } = request;
  if (anchor) run.anchor = { hash: run.hash.copy(), position: run.position };
  try {
    run.file.seekSync(run.position, Deno.SeekMode.Start);
    for (let left = end - run.position; left > 0;) {
      const read = run.file.readSync(left < buffer.length ? buffer.subarray(0, left) : buffer);
      if (read === null) return reset(run, "");
      run.hash.update(buffer.subarray(0, read));
      left -= read;
    }
  } catch (error) {
    reset(run, "");
    throw error;
  }
  run.position = end;
  const hex = run.hash.copy().digest("hex");
  return expect === undefined || hex === expect ? { hex } : reset(run, hex);
}

function reset(run: Run, hex: string): { hex: string } {
  run.hash = run.anchor.hash.copy();
  run.position = run.anchor.position;
  return { hex };
}
