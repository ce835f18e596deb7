/**
 * A copy of the sources from which equal checkouts compile to equal bytes. What `deno compile` embeds has the
 * times of the files in it, those of the packages included, and depends on where everything lies: so sources
 * and packages are put into `dist/`, with one time for all.
 */

import { dirname, join } from "node:path";

/** What a build compiles. */
export interface Stage extends AsyncDisposable {
  /** The folder to compile in. */
  readonly folder: string;
  /** What the version of the program is: that of deno.json and the commit. */
  readonly version: string;
  /** The environment of the compiler. */
  readonly env: Readonly<Record<string, string>>;
  /** Gives everything the same time. To be called when the packages are there. */
  settle(): Promise<void>;
}

const SOURCES = ["src", "deno.lock"];

/**
 * Copies the sources below `root` to `dist/stage` there. Packages and runtimes are kept in `dist/cache`. Where
 * another build is at work in the same checkout, it is waited for.
 */
export async function openStage(root: string): Promise<Stage> {
  const folder = join(root, "dist", "stage");
  const cache = join(root, "dist", "cache");
  const config = JSON.parse(await Deno.readTextFile(join(root, "deno.json")));
  const version = versionWith(config.version, await commitOf(root));
  await Deno.mkdir(join(root, "dist"), { recursive: true });
  const lock = await Deno.open(join(root, "dist", "lock"), { create: true, write: true });
  await lock.lock(true);
  const remove = async () => {
    if (await exists(folder)) await Deno.remove(folder, { recursive: true });
  };
  await remove();
  for (const name of SOURCES) await copy(join(root, name), join(folder, name));
  await Deno.writeTextFile(join(folder, "deno.json"), JSON.stringify({ ...config, version }));
  return {
    folder,
    version,
    env: { DENO_DIR: cache },
    async settle() {
      for (const path of [folder, join(cache, "npm")]) await setTimes(path);
    },
    async [Symbol.asyncDispose]() {
      await remove();
      lock.close();
    },
  };
}

/** "0.1.0" of a commit is "0.1.0+889e821d94c1": what follows the plus says nothing about which is newer. */
export function versionWith(version: string, commit: string | undefined): string {
  return commit === undefined ? version : `${version}+${commit.replaceAll("-", ".")}`;
}

/** The commit of the checkout at `root`, with "-dirty" where files differ from it; nothing if there is no git. */
export async function commitOf(root: string): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command("git", {
      args: ["describe", "--always", "--abbrev=12", "--dirty", "--exclude=*"],
      cwd: root,
      // A repository that the sources merely lie in is not theirs.
      env: { GIT_CEILING_DIRECTORIES: dirname(join(root, ".")) },
      stdin: "null",
      stderr: "null",
    }).output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function copy(from: string, to: string): Promise<void> {
  if ((await Deno.stat(from)).isFile) {
    await Deno.mkdir(dirname(to), { recursive: true });
    return await Deno.copyFile(from, to);
  }
  await Deno.mkdir(to, { recursive: true });
  for await (const { name } of Deno.readDir(from)) await copy(join(from, name), join(to, name));
}

/** The times of a folder are set after those of what is in it. */
async function setTimes(path: string): Promise<void> {
  const { isDirectory, isSymlink } = await Deno.lstat(path);
  if (isSymlink) return;
  if (isDirectory) {
    for await (const { name } of Deno.readDir(path)) await setTimes(join(path, name));
  }
  await Deno.utime(path, 0, 0);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
