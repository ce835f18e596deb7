/** A model of very many small layers, as tensor models are. */

import { createHash } from "node:crypto";
import { noise } from "../tests/fakes/content.ts";
import { startRegistry } from "../tests/fakes/registry.ts";
import { filesIn } from "../tests/real/store.ts";
import { measure, type Measured } from "./measure.ts";

const LAYER = 4000;

/** Pulls a model of `count` layers of 4 kB with the compiled program, and verifies them. */
export async function pullManyLayers(
  program: string,
  folder: string,
  count: number,
): Promise<Measured> {
  const models = `${folder}/many`;
  await using registry = await startRegistry();
  const all = noise(count * LAYER);
  const model = registry.add("library/many:latest", {
    config: { mediaType: "application/vnd.docker.container.image.v1+json", content: "{}" },
    layers: Array.from({ length: count }, (_, k) => ({
      mediaType: "application/vnd.ollama.image.tensor",
      name: `tensor.${k}`,
      content: all.read(k * LAYER, LAYER).slice(),
    })),
  });
  try {
    const command = [program, model.name, "--insecure", "--quiet", "--models-dir", models];
    const measured = await measure(command, folder);
    const names = new Set(filesIn(`${models}/blobs`));
    for (const { digest } of model.layers) {
      const bytes = await Deno.readFile(`${models}/blobs/${digest.replace(":", "-")}`);
      if (digest !== `sha256:${createHash("sha256").update(bytes).digest("hex")}`) {
        throw new Error(`digest mismatch for ${digest}`);
      }
      names.delete(digest.replace(":", "-"));
    }
    if (names.size !== 1) throw new Error("unexpected blobs in the models folder");
    return measured;
  } finally {
    await Deno.remove(models, { recursive: true });
  }
}
