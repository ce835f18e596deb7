/** The folder and the model of the comparison over loopback: one big blob, served by nginx. */

import { runToEnd } from "../tests/real/child.ts";
import { startNginx } from "../tests/real/servers.ts";
import { nameOn, urlOn, writeModel } from "./model.ts";

/** A directory in memory if possible, otherwise on disk. */
export interface WorkFolder extends AsyncDisposable {
  readonly path: string;
  readonly inMemory: boolean;
}

/**
 * Mounts a tmpfs of `size` bytes; without root it is a plain directory. Not below /dev: pullama has
 * no permission to write there.
 */
export async function openWorkFolder(size: number): Promise<WorkFolder> {
  const path = await Deno.makeTempDir({ prefix: "pullama-bench-" });
  const mounted = await runToEnd(["mount", "-t", "tmpfs", "-o", `size=${size}`, "bench", path])
    .then(({ code }) => code === 0, () => false);
  // A virtual machine gets memory from its host when it is written to for the first time, which would slow the first run.
  if (mounted) {
    await runToEnd(["dd", "if=/dev/zero", `of=${path}/zeros`, "bs=1M"]);
    await Deno.remove(`${path}/zeros`);
  }
  return {
    path,
    inMemory: mounted,
    async [Symbol.asyncDispose]() {
      if (mounted) await runToEnd(["umount", path]);
      await Deno.remove(path, { recursive: true });
    },
  };
}

/** A model of one layer on a real nginx, which serves just enough of the registry API. */
export interface BigModel extends AsyncDisposable {
  readonly name: string;
  readonly url: string;
  /** The file that nginx serves. */
  readonly file: string;
  readonly size: number;
  readonly sha256: string;
}

/** Serves a new model of `size` bytes, which is removed from `folder` with the server. */
export async function serveBigModel(folder: string, size: number): Promise<BigModel> {
  const { root, blobs } = await writeModel(`${folder}/www`, 1, size);
  const [blob] = blobs;
  const server = await startNginx(root);
  return {
    name: nameOn(server.host),
    url: urlOn(server.host, blob!),
    ...blob!,
    size,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await Deno.remove(root, { recursive: true });
    },
  };
}
