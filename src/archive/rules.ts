/** What an archive may have: regular files of blobs and manifests, and the folders they are in. */

import { type Digest, isDigest } from "../core/digest.ts";
import { PullamaError } from "../core/errors.ts";
import { type ModelName, nameOfParts } from "../core/name.ts";
import { quoted } from "../core/quote.ts";
import type { Member } from "./format.ts";

/** What a member is. */
export type Content =
  | { readonly is: "blob"; readonly digest: Digest }
  | { readonly is: "manifest"; readonly name: ModelName }
  | { readonly is: "folder" };

/** Members of an archive at most. */
const MOST_MEMBERS = 100_000;
/** Characters of a name in a message. */
const MOST_NAME = 120;

const BLOB = /^blobs\/sha256-([0-9a-f]{64})$/;
const FOLDER = /^(\.|blobs|manifests(\/[^/]+){0,3})?\/?$/;
const HINT =
  "make it with: pullama export, or in a models folder with: tar -cf FILE blobs manifests";

/** Judges the members of one archive, one after another. */
export class Rules {
  /** In lower case: some file systems take both spellings for one name. */
  readonly #seen = new Map<string, string>();

  /** Throws kind `archive` for anything that an archive of models does not have, naming it. */
  judge({ path, type, size }: Member): Content {
    const name = path.replace(/^(\.\/+)+/, "");
    if (type === "Directory") {
      if (FOLDER.test(name) && !hasDots(name)) return { is: "folder" };
      throw refused(`has the folder ${shown(path)}`);
    }
    const content = contentAt(name);
    if (!content) throw refused(`has ${shown(path)}, which is no blob or manifest`);
    if (type !== "File" && type !== "OldFile" && type !== "ContiguousFile") {
      throw refused(`has ${shown(path)}, which is no regular file (${type})`);
    }
    if (size === 0 && content.is === "manifest") throw refused(`has an empty ${shown(path)}`);
    const before = this.#seen.get(name.toLowerCase());
    if (before !== undefined) {
      throw refused(
        before === name
          ? `has ${shown(name)} twice`
          : `has ${shown(before)} and ${shown(name)}, which differ only in case`,
      );
    }
    this.#seen.set(name.toLowerCase(), name);
    if (this.#seen.size > MOST_MEMBERS) throw refused(`has more than ${MOST_MEMBERS} files`);
    return content;
  }
}

/** Where a blob is in an archive. */
export function blobPath(digest: Digest): string {
  return `blobs/${digest.replace(":", "-")}`;
}

/** Where the manifest of a model is in an archive. */
export function manifestPath({ host, namespace, model, tag }: ModelName): string {
  return `manifests/${host}/${namespace}/${model}/${tag}`;
}

function contentAt(path: string): Content | undefined {
  const digest = `sha256:${BLOB.exec(path)?.[1]}`;
  if (isDigest(digest)) return { is: "blob", digest };
  const [folder, host, namespace, model, tag, ...more] = path.split("/");
  if (folder !== "manifests" || tag === undefined || more.length > 0) return undefined;
  const name = nameOfParts(host!, namespace!, model!, tag);
  return name && { is: "manifest", name };
}

function hasDots(path: string): boolean {
  return path.split("/").includes("..");
}

function shown(path: string): string {
  return quoted(path, MOST_NAME);
}

function refused(message: string): PullamaError {
  return new PullamaError("archive", `it ${message}`, { hint: HINT });
}
