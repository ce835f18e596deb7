/** Checks the models folder: whether it is writable, its owner and its file system. */

import { dirname, resolve } from "node:path";
import { PullamaError } from "../../core/errors.ts";
import type { ModelName } from "../../core/name.ts";
import { formatSize } from "../../core/units.ts";
import { fileError, isMissing } from "../../io/file_error.ts";
import { fileSystemOf, freeBytes } from "../../io/file_system.ts";
import { statOf } from "../../io/stat.ts";
import { requireDirectory } from "../../store/layout/directory.ts";
import { folderAt } from "../../store/layout/folder.ts";
import { pathsOf } from "../../store/layout/paths.ts";
import { limitationsOf } from "../../store/layout/probe.ts";
import { requireOwnFolders } from "../../store/layout/trust.ts";
import { requireManifestPlace } from "../../store/write/manifest_file.ts";
import { type Account, type AccountFiles, mayRead, readAccounts } from "./accounts.ts";
import type { Finding, Step } from "./run.ts";

/** The user that Ollama's installer creates for its service. */
const SERVICE_USER = "ollama";

export interface FolderOptions {
  readonly modelsDir: string;
  /** Where `modelsDir` comes from. */
  readonly chosenBy: "--models-dir" | "OLLAMA_MODELS" | "default";
  readonly accounts: AccountFiles;
  readonly model: ModelName;
  /** Called before anything in the folder changes; rejects with kind local if nothing may. */
  enter(): Promise<void>;
}

export function folderStep({ modelsDir, chosenBy, accounts, model, enter }: FolderOptions): Step {
  return {
    name: "folder",
    late: "no response from the file system",
    remedy: "check the disk, or choose another folder with --models-dir",
    async check(): Promise<Finding> {
      const path = resolve(modelsDir);
      const paths = pathsOf(path);
      const { root, own, blobs, manifests } = paths;
      for (const folder of [root, blobs]) await requireDirectory(folder);
      await enter();
      const there = await nearestFolder(own);
      const exists = there.length >= path.length;
      await requireOwnFolders(paths);
      // Each may be a link, or belong to another user.
      const limitations = await limitationsOf([there, blobs, manifests]);
      await requireManifestPlace(folderAt(paths), model);
      const users = await readAccounts(accounts);
      const free = freeBytes(there);
      const system = fileSystemOf(there);
      const warnings = [
        largestFileWarning(system?.largestFile),
        exists && chosenBy !== "default" ? await serviceWarning(path, users) : undefined,
      ].filter((warning) => warning !== undefined);
      return {
        found: [
          `${path} (${chosenBy})`,
          exists ? "writable" : "would be created",
          ...ownerOf(await statOf(exists ? path : there), users),
          ...(free === undefined ? [] : [`${formatSize(free)} free`]),
          ...(system === undefined ? [] : [system.name]),
          ...limitations,
          ...warnings.map(({ what }) => what),
        ],
        warning: warnings[0]?.hint,
      };
    },
  };
}

/** The folder itself, or its nearest existing ancestor. */
async function nearestFolder(path: string): Promise<string> {
  for (let at = path;; at = dirname(at)) {
    try {
      if ((await Deno.stat(at)).isDirectory) return at;
    } catch (error) {
      const below = isMissing(error) || error instanceof Deno.errors.NotADirectory;
      if (!below) throw fileError(error, "read", at);
      continue;
    }
    throw new PullamaError("local", `${at} exists and is not a directory`, {
      hint: "move it away, or choose another folder with --models-dir",
    });
  }
}

function ownerOf(info: Deno.FileInfo | undefined, users: readonly Account[]): string[] {
  const uid = info?.uid ?? undefined;
  if (uid === undefined) return [];
  const name = users.find((user) => user.uid === uid)?.name;
  return [name === undefined ? `owned by user ${uid}` : `owned by ${name} (${uid})`];
}

interface Warning {
  readonly what: string;
  readonly hint: string;
}

function largestFileWarning(largest: number | undefined): Warning | undefined {
  return largest === undefined ? undefined : {
    what: "file size limit 4 GiB",
    hint: "for larger models choose a folder on another file system with --models-dir",
  };
}

/** The Ollama service can only serve models that its user can read. */
async function serviceWarning(
  path: string,
  users: readonly Account[],
): Promise<Warning | undefined> {
  const service = users.find(({ name }) => name === SERVICE_USER);
  if (!service || service.uid === Deno.uid() || await mayRead(service, path)) return undefined;
  return {
    what: `not readable by user ${SERVICE_USER}`,
    hint: `for a server that runs as ${SERVICE_USER}: chmod o+rx this folder and its parents`,
  };
}
