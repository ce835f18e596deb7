/** A model as plain files, which a static web server serves as a registry would. */

import { createHash } from "node:crypto";
import { type Content, noise } from "../tests/fakes/content.ts";
import { DOCKER_MANIFEST } from "../tests/fakes/manifests.ts";

const MiB = 1 << 20;
const CONFIG = "{}";
export const REPOSITORY = "library/big";
/** The same model; servers redirect for its blobs. */
export const REDIRECTED = "redirected/big";

export interface BlobFile {
  readonly file: string;
  readonly sha256: string;
}

export interface StaticModel {
  /** The folder that a web server has to serve. */
  readonly root: string;
  /** Its layers. */
  readonly blobs: readonly BlobFile[];
  /** Bytes of all layers. */
  readonly size: number;
}

/** The name of the model on a server. `host` is "ADDRESS:PORT". */
export function nameOn(host: string): string {
  return `${host}/${REPOSITORY}:latest`;
}

/** The name for Ollama, which takes blobs only after a redirect to another host name. */
export function redirectedNameOn(host: string): string {
  return `${host}/${REDIRECTED}:latest`;
}

/** Another name of the same server, which needs no lookup: its IPv4 address as an IPv6 address. */
export function otherNameOf(host: string): string {
  const [address, port] = host.split(":");
  return `[::ffff:${address}]:${port}`;
}

/** Where a blob is; `host` is "ADDRESS:PORT". */
export function urlOn(host: string, { sha256 }: BlobFile): string {
  return `http://${host}/v2/${REPOSITORY}/blobs/sha256:${sha256}`;
}

/** Writes a model of `count` layers of `size` bytes each to the new folder `root`. */
export async function writeModel(root: string, count: number, size: number): Promise<StaticModel> {
  const blobs = `${root}/v2/${REPOSITORY}/blobs`;
  await Deno.mkdir(blobs, { recursive: true });
  const content = noise(count * size);
  const layers: BlobFile[] = [];
  for (let k = 0; k < count; k++) {
    const sha256 = await write(`${root}/blob`, content, k * size, (k + 1) * size);
    const file = `${blobs}/sha256:${sha256}`;
    await Deno.rename(`${root}/blob`, file);
    layers.push({ file, sha256 });
  }
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
    layers: layers.map(({ sha256 }) => ({
      mediaType: "application/vnd.ollama.image.model",
      digest: `sha256:${sha256}`,
      size,
    })),
  };
  for (const repository of [REPOSITORY, REDIRECTED]) {
    const manifests = `${root}/v2/${repository}/manifests`;
    await Deno.mkdir(manifests, { recursive: true });
    await Deno.writeTextFile(`${manifests}/latest`, JSON.stringify(manifest));
  }
  return { root, blobs: layers, size: count * size };
}

/** Writes a part of `content` to a file, and returns its SHA-256 in hex. */
async function write(path: string, content: Content, from: number, to: number): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.create(path);
  for (let at = from; at < to; at += MiB) {
    const bytes = content.read(at, Math.min(MiB, to - at));
    hash.update(bytes);
    for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
  }
  return hash.digest("hex");
}
