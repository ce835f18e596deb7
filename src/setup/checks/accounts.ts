/** The local users in /etc/passwd and /etc/group, and what they may read. */

import { dirname } from "node:path";

export interface Account {
  readonly name: string;
  readonly uid: number;
  /** The primary group and the supplementary groups. */
  readonly gids: readonly number[];
}

/** The paths of the files with users and groups. */
export interface AccountFiles {
  readonly passwd: string;
  readonly group: string;
}

export const SYSTEM_ACCOUNTS: AccountFiles = { passwd: "/etc/passwd", group: "/etc/group" };

/** All users; empty if the files cannot be read. */
export async function readAccounts({ passwd, group }: AccountFiles): Promise<readonly Account[]> {
  const [users, groups] = await Promise.all([passwd, group].map(rowsIn));
  return users!.map(([name = "", , uid, gid]) => {
    const others = groups!.filter(([, , , members = ""]) => members.split(",").includes(name));
    return { name, uid: Number(uid), gids: [gid, ...others.map(([, , id]) => id)].map(Number) };
  });
}

/** Whether `account` may list and enter the existing folder `path`, by the permission bits. */
export async function mayRead(account: Account, path: string): Promise<boolean> {
  const end = await Deno.realPath(path);
  for (let at = end;; at = dirname(at)) {
    const { mode, uid, gid } = await Deno.stat(at);
    if (mode === null) return true;
    const shift = uid === account.uid ? 6 : account.gids.includes(gid ?? -1) ? 3 : 0;
    const needed = at === end ? 0o5 : 0o1;
    if (account.uid !== 0 && (mode >> shift & needed) !== needed) return false;
    if (dirname(at) === at) return true;
  }
}

async function rowsIn(path: string): Promise<string[][]> {
  const text = await Deno.readTextFile(path).catch(() => "");
  return text.split("\n").map((line) => line.split(":")).filter((row) => row.length > 3);
}
