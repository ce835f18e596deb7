/** Copies installed models into another models folder: pulls whose registry is a folder. */

import { asPullamaError, PullamaError } from "../../core/errors.ts";
import { distinctBlobs } from "../../core/manifest.ts";
import type { Stop } from "../../core/stop.ts";
import { openDisk } from "../../io/disk.ts";
import { steadyPace } from "../../io/limit.ts";
import { openFolder } from "../../store/store.ts";
import { pullModel } from "../../transfer/pull.ts";
import type { Engine } from "../engine.ts";
import { type BecomeOwner, foreignOwner, refuseOwner } from "../owner.ts";
import { localSettings } from "./settings.ts";
import { TOOL } from "../version.ts";
import { requireStorable } from "../storable.ts";

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
  const folder = openFolder(from);
  await openFolder(modelsDir).requireApart(folder);
  const owner = await foreignOwner(modelsDir);
  if (owner) await become(owner);
  const settings = localSettings({ force, dryRun: false });
  return {
    async pull(name, emit) {
      requireStorable(name);
      const disk = openDisk((message) => emit({ event: "note", message }));
      const store = openFolder(modelsDir, { tool: TOOL, disk });
      const source = await folder.source();
      try {
        const blobs = distinctBlobs(await source.manifest(name, stop.soft));
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
