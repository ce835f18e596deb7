/** A model as files for any web server. */

import { digestOfContent, held, wholeOf } from "../fakes/content.ts";
import { DOCKER_MANIFEST } from "../fakes/manifests.ts";
import { makeModel } from "../fakes/model.ts";
import type { Installed } from "./store.ts";

/** Writes the model `library/tiny:latest` below `root`, at the paths of a registry. */
export async function writeModel(root: string, size: number): Promise<Installed> {
  const folder = `${root}/v2/library/tiny`;
  await Deno.mkdir(`${folder}/blobs`, { recursive: true });
  await Deno.mkdir(`${folder}/manifests`);
  const model = makeModel({ size });
  const files = [];
  for (const { mediaType, content } of [model.config, ...model.layers]) {
    const bytes = typeof content === "object" && "read" in content ? content : held(content);
    const digest = digestOfContent(bytes);
    await Deno.writeFile(`${folder}/blobs/${digest}`, wholeOf(bytes));
    files.push({ mediaType, digest, size: bytes.size });
  }
  const [config, ...layers] = files;
  const manifest = new TextEncoder().encode(
    JSON.stringify({ schemaVersion: 2, mediaType: DOCKER_MANIFEST, config, layers }),
  );
  await Deno.writeFile(`${folder}/manifests/latest`, manifest);
  return { manifest, blobs: files };
}
