/**
 * Pushes a model to a registry with Docker's protocol: each blob in one upload, then the manifest.
 */

import assert from "node:assert/strict";
import type { Digest } from "../../src/core/digest.ts";
import { type Content, digestOfContent, held, wholeOf } from "../fakes/content.ts";
import { DOCKER_MANIFEST } from "../fakes/manifests.ts";
import { makeModel } from "../fakes/model.ts";

export interface Pushed {
  /** The full name with host, as a user would type it. */
  readonly name: string;
  readonly manifest: Uint8Array;
  readonly digest: Digest;
  readonly blobs: readonly { readonly digest: Digest; readonly size: number }[];
}

export interface PushOptions {
  readonly host: string;
  /** "library/tiny" */
  readonly repository: string;
  readonly size: number;
  readonly seed?: number;
  /** Formats the manifest; default plain JSON. */
  readonly write?: (manifest: Readonly<Record<string, unknown>>) => string;
}

/** Creates a model, pushes it with the tag `latest`, and returns what was pushed. */
export async function pushModel(options: PushOptions): Promise<Pushed> {
  const { host, repository, size, seed = 1, write = JSON.stringify } = options;
  const url = `http://${host}/v2/${repository}`;
  const model = makeModel({ size, seed });
  const describe = async (file: { mediaType: string; content: Content | Uint8Array | string }) => {
    const { mediaType, content } = file;
    const bytes = typeof content === "object" && "read" in content ? content : held(content);
    return { mediaType, ...await pushBlob(url, bytes) };
  };
  const config = await describe(model.config);
  const layers = [];
  for (const layer of model.layers) layers.push(await describe(layer));
  const manifest = new TextEncoder().encode(
    write({ schemaVersion: 2, mediaType: DOCKER_MANIFEST, config, layers }),
  );
  const digest = await pushManifest(`${url}/manifests/latest`, DOCKER_MANIFEST, manifest);
  return { name: `${host}/${repository}:latest`, manifest, digest, blobs: [config, ...layers] };
}

/** Stores bytes as the manifest at `url`; asserts that the registry computes the same digest. */
export async function pushManifest(
  url: string,
  mediaType: string,
  manifest: Uint8Array,
): Promise<Digest> {
  const body = manifest.slice();
  const headers = { "content-type": mediaType };
  const answer = await fetch(url, { method: "PUT", headers, body });
  assert.equal(answer.status, 201, await answer.text());
  const digest = digestOfContent(held(manifest));
  assert.equal(answer.headers.get("docker-content-digest"), digest);
  return digest;
}

async function pushBlob(url: string, content: Content) {
  const digest = digestOfContent(content);
  const begun = await fetch(`${url}/blobs/uploads/`, { method: "POST" });
  await begun.body?.cancel();
  assert.equal(begun.status, 202);
  const target = new URL(begun.headers.get("location")!);
  target.searchParams.set("digest", digest);
  const headers = { "content-type": "application/octet-stream" };
  const body = wholeOf(content).slice();
  const done = await fetch(target, { method: "PUT", headers, body });
  assert.equal(done.status, 201, await done.text());
  return { digest, size: content.size };
}
