/** Copies installed models into another models folder: pulls whose registry is a folder. */

import { asPullamaError, PullamaError } from "../core/errors.ts";
import { type Descriptor, distinctBlobs } from "../core/manifest.ts";
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
        await requireNoLinksTo(from, modelsDir, blobs);
        await store.link(folder, blobs, stop.soft);
        const pace = steadyPace(limitRate);
        return await pullModel(name, { source, store, settings, pace, stop, emit });
      } catch (caught) {
        throw inWordsOfCopies(asPullamaError(caught), options);
      }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** An error of a pull, of which the hint is about a registry or about another folder. */
function inWordsOfCopies(error: PullamaError, { from, modelsDir }: CopyOptions): PullamaError {
  const { kind, message, hint } = error;
  const say = (hint: string) =>
    new PullamaError(kind, message.replaceAll("to download", "to copy"), { hint, cause: error });
  switch (kind) {
    case "digest":
    case "size":
      return say(`the model is damaged in ${from}: repair it there with pullama verify --repair`);
    case "disk_full":
      return say(
        (hint ?? `free some space on the disk of ${modelsDir}`)
          .replace(" with --models-dir", "").replace("--models-dir", "folder"),
      );
    case "moved":
      return say("name the model without its digest");
    default:
      return error;
  }
}

/** Where models folders keep what they have: none of these may be the same directory in both. */
const PARTS = ["", "/blobs", "/manifests", "/manifests-v2"] as const;

/** Rejects with kind `usage` where one folder is, or is in, the other, or shares a part of it. */
async function requireApart(from: string, to: string): Promise<void> {
  const [source, target] = await Promise.all([from, to].map(resolved));
  const inside = target!.startsWith(`${source}/`);
  if (inside) throw notApart(to, `it is in the models folder ${from}`);
  for (const part of PARTS) {
    if (await isSameFile(`${from}${part}`, `${to}${part}`)) {
      const what = part === "" ? "the same models folder" : `the same directory ${part.slice(1)}`;
      throw notApart(to, part === "" ? `it is ${what}` : `it has ${what}`);
    }
  }
}

function notApart(to: string, why: string): PullamaError {
  return new PullamaError("usage", `cannot copy to ${to}: ${why}`, {
    hint: "name a folder that shares nothing with this one",
  });
}

/** Rejects with kind `usage` where a blob of the one folder is a link to that of the other: there is one copy only. */
async function requireNoLinksTo(
  from: string,
  to: string,
  blobs: readonly Descriptor[],
): Promise<void> {
  for (const { digest } of blobs) {
    const file = `blobs/${digest.replace(":", "-")}`;
    const named = await Deno.lstat(`${to}/${file}`).catch(() => undefined);
    if (!named?.isSymlink || !await isSameFile(`${from}/${file}`, `${to}/${file}`)) continue;
    throw new PullamaError("usage", `${to}/${file} is a link to the same file in ${from}`, {
      hint: "remove the link: then the blob is copied",
    });
  }
}

/** By what they are, not by their paths: one may lead to the other by a link or a mount. */
async function isSameFile(a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all(
    [a, b].map((path) => Deno.stat(path).catch(() => undefined)),
  );
  if (!one || !other) return false;
  if (one.ino !== null && one.ino !== 0) return one.ino === other.ino && one.dev === other.dev;
  const [first, second] = await Promise.all([a, b].map((path) => Deno.realPath(path)));
  return first!.toLowerCase() === second!.toLowerCase();
}

/** `path` without links, as far as it exists. */
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
