/** A minimal installed model: a config and its manifest. */

import { createHash } from "node:crypto";
import { digestOf } from "../../src/core/digest.ts";
import { parseName } from "../../src/core/name.ts";
import { blobPaths, manifestFolders, manifestPath, pathsOf } from "../../src/store/layout/paths.ts";

/** Writes it to the models folder `root`. */
export async function addSmallModel(root: string, name: string): Promise<void> {
  const paths = pathsOf(root);
  const config = JSON.stringify({ model_format: "gguf", model_type: "1B" });
  const digest = digestOf(createHash("sha256").update(config).digest("hex"));
  const manifest = {
    schemaVersion: 2,
    mediaType: "application/vnd.docker.distribution.manifest.v2+json",
    config: {
      mediaType: "application/vnd.docker.container.image.v1+json",
      digest,
      size: config.length,
    },
    layers: [],
  };
  await Deno.mkdir(paths.blobs, { recursive: true });
  await Deno.writeTextFile(blobPaths(paths, digest).final, config);
  const parsed = parseName(name);
  await Deno.mkdir(manifestFolders(paths, parsed).at(-1)!, { recursive: true });
  await Deno.writeTextFile(manifestPath(paths, parsed), JSON.stringify(manifest));
}
