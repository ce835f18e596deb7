/** The model of the benchmark: one big blob, served by nginx from plain files. */

import { createHash } from "node:crypto";
import { noise } from "../tests/fakes/content.ts";
import { DOCKER_MANIFEST } from "../tests/fakes/manifests.ts";
import { runToEnd } from "../tests/real/child.ts";
import { type RealServer, startNginx } from "../tests/real/servers.ts";

const MiB = 1 << 20;
const CONFIG = "{}";

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

export async function serveBigModel(folder: string, size: number): Promise<BigModel> {
  const root = `${folder}/www`;
  const blobs = `${root}/v2/library/big/blobs`;
  await Deno.mkdir(blobs, { recursive: true });
  await Deno.mkdir(`${root}/v2/library/big/manifests`);
  const sha256 = await writeNoise(`${folder}/blob`, size);
  const file = `${blobs}/sha256:${sha256}`;
  await Deno.rename(`${folder}/blob`, file);
  const config = createHash("sha256").update(CONFIG).digest("hex");
  await Deno.writeTextFile(`${blobs}/sha256:${config}`, CONFIG);
  const manifest = {
    schemaVersion: 2,
    mediaType: DOCKER_MANIFEST,
    config: {
      mediaType: "application/vnd.docker.container.image.v1+json",
      digest: `sha256:${config}`,
      size: CONFIG.length,
    },
    layers: [{
      mediaType: "application/vnd.ollama.image.model",
      digest: `sha256:${sha256}`,
      size,
    }],
  };
  await Deno.writeTextFile(`${root}/v2/library/big/manifests/latest`, JSON.stringify(manifest));
  const server: RealServer = await startNginx(root);
  return {
    name: `${server.host}/library/big:latest`,
    url: `http://${server.host}/v2/library/big/blobs/sha256:${sha256}`,
    file,
    size,
    sha256,
    [Symbol.asyncDispose]: server[Symbol.asyncDispose],
  };
}

async function writeNoise(path: string, size: number): Promise<string> {
  const content = noise(size);
  const hash = createHash("sha256");
  using file = await Deno.create(path);
  for (let at = 0; at < size; at += MiB) {
    const bytes = content.read(at, Math.min(MiB, size - at));
    hash.update(bytes);
    for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
  }
  return hash.digest("hex");
}
