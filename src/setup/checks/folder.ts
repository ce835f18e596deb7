/** Checks the models folder: whether it is writable, its owner and its file system. */

import { dirname, join, resolve } from "node:path";
import { PullamaError } from "../../core/errors.ts";
import { formatSize } from "../../core/units.ts";
import { realDisk } from "../../io/disk.ts";
import { fileError, isMissing } from "../../io/file_error.ts";
import { fileSystemOf } from "../../io/file_system.ts";
import { isDirectory, statOf } from "../../io/stat.ts";
import { freeBytes } from "../../io/space.ts";
import { requireDirectory } from "../../store/layout/directory.ts";
import { pathsOf } from "../../store/layout/paths.ts";
import { type Account, type AccountFiles, mayRead, readAccounts } from "./accounts.ts";
import type { Finding, Step } from "./run.ts";

/** The user that Ollama's installer creates for its service. */
const SERVICE_USER = "ollama";

export interface FolderOptions {
  readonly modelsDir: string;
  /** Where `modelsDir` comes from. */
  readonly chosenBy: "--models-dir" | "OLLAMA_MODELS" | "default";
  readonly accounts: AccountFiles;
  /** Called before anything in the folder changes; rejects with kind local if nothing may. */
  enter(): Promise<void>;
}

export function folderStep({ modelsDir, chosenBy, accounts, enter }: FolderOptions): Step {
  return {
    name: "folder",
    late: "no response from the file system",
    remedy: "check the disk, or choose another folder with --models-dir",
    async check(): Promise<Finding> {
      const path = resolve(modelsDir);
      const { root, own, blobs, manifests } = pathsOf(path);
      await requireDirectory(root);
      await enter();
      const there = await nearestFolder(own);
      const exists = there.length >= path.length;
      // Each may be a link, or belong to another user.
      for (const folder of [there, blobs, manifests]) {
        if (await isDirectory(folder)) await tryWriting(folder);
      }
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

/** Creates a file of one byte and removes it. Throws `local` or `disk_full`. */
async function tryWriting(folder: string): Promise<void> {
  const path = join(folder, `.pullama-${crypto.randomUUID()}`);
  try {
    using file = await realDisk.open(path, "new");
    try {
      await file.writeAt(new Uint8Array(1), 0);
    } finally {
      file.close();
      await realDisk.remove(path);
    }
  } catch (error) {
    throw fileError(error instanceof PullamaError ? error.cause : error, "write to", folder);
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
