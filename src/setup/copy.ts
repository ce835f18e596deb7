/** Copies installed models into another models folder: pulls whose registry is a folder. */

import { asPullamaError, PullamaError } from "../core/errors.ts";
import { distinctBlobs } from "../core/manifest.ts";
import { displayName } from "../core/name.ts";
import type { Stop } from "../core/stop.ts";
import { openDisk } from "../io/disk.ts";
import { steadyPace } from "../io/limit.ts";
import { openFolder } from "../store/store.ts";
import { memoryWindow } from "./memory.ts";
import { pullModel, type PullSettings } from "../transfer/pull.ts";
import type { Engine } from "./engine.ts";
import { type BecomeOwner, foreignOwner, refuseOwner } from "./owner.ts";
import { TOOL } from "./version.ts";

export interface CopyOptions {
  /** The models folder that is copied to. */
  readonly modelsDir: string;
  /** The one that is copied from. */
  readonly from: string;
  /** Bytes a second; absent: no limit. */
  readonly limitRate?: number;
  /** Copy even if there is not enough disk space, or it is not a model. */
  readonly force: boolean;
}

export type OpenCopier = (options: CopyOptions, stop: Stop) => Promise<Engine>;

/** One at a time, in order: disks are fastest that way. */
const CONNECTIONS = 1;
const CHUNK = 64 * 1024 * 1024;
/** A disk does not recover as a network does. */
const RETRIES = 2;
const TIMEOUT_MS = 30 * 60_000;

/**
 * An engine that copies from one folder into another. Rejects with kind `usage` where the one is in the other. `become`:
 * if this is root and the other folder belongs to another user, called before anything in there changes.
 */
export async function openCopier(
  options: CopyOptions,
  stop: Stop,
  become: BecomeOwner = refuseOwner,
): Promise<Engine> {
  const { modelsDir, from, limitRate, force } = options;
  await requireApart(from, modelsDir);
  const owner = await foreignOwner(modelsDir);
  if (owner) await become(owner);
  const settings: PullSettings = {
    connections: CONNECTIONS,
    perBlob: CONNECTIONS,
    chunkSize: CHUNK,
    window: memoryWindow(),
    maxRetries: RETRIES,
    retryForMs: 0,
    timeoutMs: TIMEOUT_MS,
    force,
    dryRun: false,
  };
  const folder = openFolder(from);
  return {
    async pull(name, emit) {
      const disk = openDisk((message) => emit({ event: "note", message }));
      const store = openFolder(modelsDir, { tool: TOOL, disk });
      const source = await folder.source();
      try {
        const blobs = distinctBlobs(await source.manifest(name, stop.soft));
        await store.link(folder, blobs, stop.soft);
        const pace = steadyPace(limitRate);
        return await pullModel(name, { source, store, settings, pace, stop, emit });
      } catch (caught) {
        const error = asPullamaError(caught);
        if (error.kind !== "digest") throw error;
        throw new PullamaError("digest", error.message, {
          hint: `the installed model is damaged: pullama verify --repair ${displayName(name)}`,
          cause: error,
        });
      }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Both with links resolved, as far as they exist. */
async function requireApart(from: string, to: string): Promise<void> {
  const [source, target] = await Promise.all([from, to].map(resolved));
  if (target !== source && !target!.startsWith(`${source}/`)) return;
  const where = target === source ? "the same models folder" : `in the models folder ${from}`;
  throw new PullamaError("usage", `cannot copy to ${to}: it is ${where}`, {
    hint: "name a folder outside of it",
  });
}

async function resolved(path: string): Promise<string> {
  const rest: string[] = [];
  for (let at = path.replace(/(?<=.)[\\/]+$/, "");;) {
    try {
      return [await Deno.realPath(at), ...rest].join("/").replaceAll("\\", "/");
    } catch (error) {
      const parent = at.replace(/[\\/]*[^\\/]*$/, "");
      if (!(error instanceof Deno.errors.NotFound) || parent === at) return path;
      rest.unshift(at.slice(parent.length).replace(/^[\\/]+/, ""));
      at = parent === "" ? "/" : parent;
    }
  }
}
