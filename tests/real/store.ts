/** Checks models folders without code of pullama. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";

export interface Installed {
  readonly manifest: Uint8Array;
  readonly blobs: readonly { readonly digest: string; readonly size: number }[];
}

/**
 * Asserts that the models folder has exactly this manifest, and all blobs with the right content.
 */
export function assertInstalled(models: string, name: string, pushed: Installed): void {
  const [host, namespace, rest = ""] = name.split("/");
  const path = `${models}/manifests/${host}/${namespace}/${rest.replace(":", "/")}`;
  assert.deepEqual(Deno.readFileSync(path), pushed.manifest);
  for (const { digest, size } of pushed.blobs) {
    const blob = `${models}/blobs/${digest.replace(":", "-")}`;
    assert.equal(Deno.statSync(blob).size, size);
    assert.equal(`sha256:${sha256Of(blob)}`, digest);
  }
}

/** The SHA-256 of a file in hex. */
export function sha256Of(path: string): string {
  const hash = createHash("sha256");
  const piece = new Uint8Array(1 << 20);
  using file = Deno.openSync(path);
  for (let count; (count = file.readSync(piece)) !== null;) hash.update(piece.subarray(0, count));
  return hash.digest("hex");
}

/** All files below a directory, as sorted relative paths. One below it may be removed meanwhile. */
export function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesUnder(`${folder}/${name}`).map((path) => `${name}/${path}`) : [name]
  ).sort();
}

/** The same; none where there is no such directory. */
export function filesUnder(folder: string): string[] {
  try {
    return filesIn(folder);
  } catch (error) {
    // Windows says so of one that is just being renamed or removed.
    if (error instanceof Deno.errors.NotFound || /\(os error 32\)/.test(`${error}`)) return [];
    throw error;
  }
}
