/**
 * A copy of the sources for reproducible builds. The output of `deno compile` depends on the paths
 * and modification times of sources and packages: so both are in `dist/`, all with the same time.
 */

import { dirname, join } from "node:path";

/** What a build compiles. */
export interface Stage extends AsyncDisposable {
  /** The directory to compile in. */
  readonly folder: string;
  /** The version of the program: that of deno.json, and the commit. */
  readonly version: string;
  /** The environment of the compiler. */
  readonly env: Readonly<Record<string, string>>;
  /** Sets all modification times to the same value. Call it after the packages are downloaded. */
  resetTimes(): Promise<void>;
}

const SOURCES = ["src", "deno.lock"];

/**
 * Copies the sources below `root` to `dist/stage`; packages and runtimes are cached in
 * `dist/cache`. Its configuration grants `permissions`. Waits for another build in the same
 * checkout.
 */
export async function openStage(root: string, permissions: object): Promise<Stage> {
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
  const staged = { ...config, version, permissions: { default: permissions } };
  await Deno.writeTextFile(join(folder, "deno.json"), JSON.stringify(staged));
  return {
    folder,
    version,
    env: { DENO_DIR: cache },
    async resetTimes() {
      for (const path of [folder, join(cache, "npm")]) await setTimes(path);
    },
    async [Symbol.asyncDispose]() {
      await remove();
      lock.close();
    },
  };
}

/** "0.1.0+889e821d94c1": what follows the plus is ignored when versions are compared. */
export function versionWith(version: string, commit: string | undefined): string {
  return commit === undefined ? version : `${version}+${commit.replaceAll("-", ".")}`;
}

/** The commit of the checkout at `root`, with "-dirty" after changes; undefined without git. */
export async function commitOf(root: string): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command("git", {
      args: ["describe", "--always", "--abbrev=12", "--dirty", "--exclude=*"],
      cwd: root,
      // Ignore the repository of a parent directory.
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

/** Sets the times below `path`, those of a directory last. */
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
