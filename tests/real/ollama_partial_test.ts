/** Continuing what a real `ollama pull` has left that was ended in the middle. */

import assert from "node:assert/strict";
import { makeModel } from "../fakes/model.ts";
import { testWith } from "../needs.ts";
import { runToEnd } from "./child.ts";
import { openWorld } from "./ollama.ts";
import { startOllama } from "./servers.ts";
import { assertInstalled } from "./store.ts";

const MIB = 1 << 20;
const SIZE = Number(Deno.env.get("PULLAMA_SIZE") ?? 384 * MIB);
const RATE = 150 * MIB;

for (
  const [signal, share] of [
    ["SIGKILL", 0.25],
    ["SIGKILL", 0.5],
    ["SIGKILL", 0.9],
    ["SIGTERM", 0.5],
  ] as const
) {
  testWith(
    ["a real Ollama"],
    `case 99, 100: a pull continues what ollama pull has left after ${signal} at ${100 * share} %`,
    async () => {
      const redirected = { blobHosts: 1, blobHostName: "localhost", bytesPerSecond: RATE };
      await using world = await openWorld(redirected);
      const { registry, models, home } = world;
      const model = registry.add("library/big:latest", makeModel({ size: SIZE }));
      const weights = model.layers[0]!;
      {
        const withId = ["bash", "-c", 'echo "pid=$$" >&2; exec "$@"', "bash"];
        await using server = await startOllama(models, home, withId);
        const id = Number(/^pid=(\d+)$/m.exec(server.log())![1]);
        const env = { HOME: home, OLLAMA_HOST: server.host };
        const command = [Deno.env.get("OLLAMA_BIN")!, "pull", "--insecure", model.name];
        const pulling = runToEnd(command, { env });
        while (registry.served(weights.digest) < share * weights.size) {
          await new Promise((later) => setTimeout(later, 20));
        }
        Deno.kill(id, signal);
        await pulling;
      }
      const blobs = `${models}/blobs`;
      const name = weights.digest.replace(":", "-");
      const there = Deno.statSync(`${blobs}/${name}-partial`).blocks! * 512;
      assert.ok(there > share * weights.size * 0.6, `${there} bytes are there`);
      const before = registry.served(weights.digest);
      const { code, err } = await world.pull(model.name);
      assert.deepEqual([code, err], [0, ""]);
      const fetched = registry.served(weights.digest) - before;
      const missing = weights.size - there;
      assert.ok(fetched <= missing + 16 * MIB, `${fetched} bytes, ${missing} were missing`);
      assertInstalled(models, model.name, {
        manifest: model.manifest,
        blobs: [...model.layers, model.config!],
      });
      const left = [...Deno.readDirSync(blobs)].map((entry) => entry.name);
      assert.deepEqual(left.filter((entry) => !/^sha256-[0-9a-f]{64}$/.test(entry)), []);
      console.log(`${there} of ${weights.size} bytes were there, ${fetched} were downloaded`);
    },
  );
}
