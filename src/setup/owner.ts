/**
 * Root in a models folder of another user. That user can replace any folder on the way to a file, between a look at it
 * and its use: root's rights could be turned against files elsewhere. So the program becomes that user, for the rest
 * of its life. All that it makes there belongs to that user anyway.
 */

import { PullamaError } from "../core/errors.ts";
import { isDenied } from "../io/file_error.ts";
import { readAccounts, SYSTEM_ACCOUNTS } from "./checks/accounts.ts";
import { becomeUser, destinationOf, isRoot, type User } from "./user.ts";

/** The owner of a models folder. */
export interface Owner extends User {
  readonly modelsDir: string;
}

/** What to do about it; rejects with kind local if the folder must be left alone. */
export type BecomeOwner = (owner: Owner) => Promise<void>;

/**
 * The owner of `modelsDir`, or of the parent that it will be made in; undefined unless this is root in a folder of
 * another user. Rejects with kind local if it cannot be found out, or if yet another user decides where it is.
 */
export async function foreignOwner(modelsDir: string): Promise<Owner | undefined> {
  if (!isRoot()) return undefined;
  const { path, owner, linkOwners } = await destinationOf(modelsDir);
  for (const uid of linkOwners) {
    if (uid === 0 || uid === owner.uid) continue;
    const message = `${modelsDir} leads to ${path} by a link of ${await nameOf(uid)}`;
    throw new PullamaError("local", message, {
      hint: "as root, name the folder that is meant with --models-dir, or replace the link",
    });
  }
  return owner.uid === 0 ? undefined : { modelsDir, ...owner };
}

/**
 * Makes this process the user and the group of `owner`, with no way back. Only the standalone program has all of its
 * code at hand then: another runtime reads it from files of root's.
 */
export const becomeOwner: BecomeOwner = async (owner) => {
  if (!Deno.build.standalone) return await refuseOwner(owner);
  try {
    becomeUser(owner);
  } catch (error) {
    throw await refusal(owner, "root cannot become that user here", error);
  }
  try {
    await destinationOf(owner.modelsDir);
  } catch (error) {
    if (!isDenied(error)) return;
    const message = `${owner.modelsDir} belongs to ${await nameOf(owner.uid)}, who cannot reach it`;
    throw new PullamaError("local", message, {
      hint: "let that user into the folders above it with chmod o+x, or chown the models folder",
      cause: error,
    });
  }
};

/** For a process that is not ours to change. */
export const refuseOwner: BecomeOwner = async (owner) => {
  throw await refusal(owner, "only the standalone program works there as root");
};

/** The same for a command that needs nothing else as root. */
export async function actAsOwner(modelsDir: string): Promise<void> {
  const owner = await foreignOwner(modelsDir);
  if (owner) await becomeOwner(owner);
}

async function refusal(owner: Owner, why: string, cause?: unknown): Promise<PullamaError> {
  const { modelsDir, uid, gid } = owner;
  const name = await nameOf(uid);
  const user = name.startsWith("user ") ? `'#${uid}'` : name;
  return new PullamaError("local", `${modelsDir} belongs to ${name}: ${why}`, {
    hint: `run it as that user: with sudo -u ${user}, or --user ${uid}:${gid} for a container`,
    cause,
  });
}

async function nameOf(uid: number): Promise<string> {
  const accounts = await readAccounts(SYSTEM_ACCOUNTS);
  return accounts.find((account) => account.uid === uid)?.name ?? `user ${uid}`;
}
