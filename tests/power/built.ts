/** Makes the state that a power cut leaves as a real folder. */

import type { State } from "./history.ts";

/** What identifies a file in the ledger. */
interface Identity {
  readonly inode: number | null;
  readonly mtimeMs: number;
}

/** The files of `blobs/` and what identifies them, by path. */
export type Identities = ReadonlyMap<string, Identity>;

export interface Build {
  readonly state: State;
  /** The folder that the state was recorded in, and the new one. */
  readonly from: string;
  readonly to: string;
  /** Of all files that the ledger can mean. */
  readonly identities: Identities;
  /** Whether the file was written days before. */
  readonly old: (path: string) => boolean;
}

/**
 * Writes all files. What identifies a file or a boot of the machine is that of the new folder: the ledger has the
 * new inodes and times, and the boot that positions belong to is over.
 */
export function build({ state, from, to, identities, old }: Build): void {
  const moved = (path: string) => `${to}${path.slice(from.length)}`;
  const first = new Map<Uint8Array, string>();
  const then = Date.now() / 1000 - 7 * 86_400;
  for (const [path, content] of state) {
    if (content === "folder") {
      Deno.mkdirSync(moved(path), { recursive: true });
      continue;
    }
    const twin = first.get(content);
    if (twin !== undefined) {
      Deno.linkSync(twin, moved(path));
      continue;
    }
    first.set(content, moved(path));
    Deno.writeFileSync(moved(path), path.endsWith(".live") ? rebooted(content) : content);
    if (old(path)) Deno.utimeSync(moved(path), then, then);
  }
  for (const [path, content] of state) {
    if (!path.endsWith("/ledger.json") || content === "folder") continue;
    const text = new TextDecoder().decode(content);
    Deno.writeTextFileSync(moved(path), translated(text, identities, moved));
  }
}

/** What identifies the files in the folder `blobs`. */
export function identitiesIn(blobs: string): Map<string, Identity> {
  const found = new Map<string, Identity>();
  try {
    for (const { name } of Deno.readDirSync(blobs)) {
      const path = `${blobs}/${name}`;
      found.set(path, identityOf(Deno.lstatSync(path)));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found;
}

function identityOf({ ino, mtime }: Deno.FileInfo): Identity {
  return { inode: ino, mtimeMs: mtime?.getTime() ?? 0 };
}

/** The ledger with the identities of the same files in the new folder. */
function translated(text: string, known: Identities, moved: (path: string) => string): string {
  let ledger;
  try {
    ledger = JSON.parse(text);
  } catch {
    return text;
  }
  for (const entry of Object.values<{ inode: number; mtime_ms: number }>(ledger?.blobs ?? {})) {
    for (const [path, { inode, mtimeMs }] of known) {
      if (entry.inode !== inode) continue;
      const now = statOf(moved(path)) ?? statOf(moved(path).replace("/blobs/", "/.pullm/ready/"));
      if (!now) continue;
      entry.inode = now.inode ?? 0;
      if (entry.mtime_ms === mtimeMs) entry.mtime_ms = now.mtimeMs;
      break;
    }
  }
  return JSON.stringify(ledger);
}

function statOf(path: string): Identity | undefined {
  try {
    return identityOf(Deno.lstatSync(path));
  } catch {
    return undefined;
  }
}

/** The positions of a boot that is over. */
export function rebooted(content: Uint8Array): Uint8Array {
  const text = new TextDecoder("latin1").decode(content);
  return Uint8Array.from(text.replace(/(?<= boot )\d/, "0"), (letter) => letter.charCodeAt(0));
}
