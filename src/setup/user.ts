/** The user that this process works as, and those who decide where a path leads. */

import process from "node:process";
import { PullamaError } from "../core/errors.ts";
import { lstatOf } from "../io/stat.ts";

export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** Where a path leads. */
export interface Destination {
  /** Without links. */
  readonly path: string;
  /** The owner of what is there, or of the nearest parent that exists. */
  readonly owner: User;
  /** The owners of the links on the way. */
  readonly linkOwners: readonly number[];
}

/** As many as Linux follows. */
const MOST_LINKS = 40;

/** Whether this process has the rights of root. */
export function isRoot(): boolean {
  return Deno.build.os !== "windows" && Deno.uid() === 0;
}

/** Where `path` leads, on a system with users. Rejects with kind local if that cannot be found out. */
export async function destinationOf(path: string): Promise<Destination> {
  const linkOwners: number[] = [];
  const ahead = namesIn(path);
  let at = path.startsWith("/") ? "" : Deno.cwd();
  while (ahead.length > 0) {
    const name = ahead.shift()!;
    if (name === "..") {
      at = at.replace(/\/[^/]*$/, "");
      continue;
    }
    const next = `${at}/${name}`;
    const info = await lstatOf(next);
    if (!info) return { path: [next, ...ahead].join("/"), owner: await ownerOf(at), linkOwners };
    if (!info.isSymlink) {
      at = next;
      continue;
    }
    if (linkOwners.push(info.uid ?? 0) > MOST_LINKS) {
      throw new PullamaError("local", `cannot read ${path}: too many links`);
    }
    const target = await Deno.readLink(next);
    if (target.startsWith("/")) at = "";
    ahead.unshift(...namesIn(target));
  }
  return { path: at || "/", owner: await ownerOf(at), linkOwners };
}

/**
 * Makes this process another user, for good. Throws what the system throws where it has not the right to. The
 * supplementary groups stay: the runtime has no call for them.
 */
export function becomeUser({ uid, gid }: User): void {
  process.setgid!(gid);
  process.setuid!(uid);
}

function namesIn(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

async function ownerOf(path: string): Promise<User> {
  const info = await lstatOf(path || "/");
  return { uid: info?.uid ?? 0, gid: info?.gid ?? 0 };
}
