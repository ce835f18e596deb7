/** Pulls beside a real Ollama that pulls, removes and restarts at the same time, with blobs in common. */

import assert from "node:assert/strict";
import { makeModel } from "../fakes/model.ts";
import { testWith } from "../needs.ts";
import { openOllama, openWorld } from "./ollama.ts";
import { assertInstalled } from "./store.ts";

const MIB = 1 << 20;
const ROUNDS = Number(Deno.env.get("PULLAMA_ROUNDS") ?? 6);

testWith(
  ["a real Ollama"],
  "pulls beside ollama pull, ollama rm and restarts of the server, with the same weights, all succeed",
  async () => {
    await using world = await openWorld({ blobHosts: 1, blobHostName: "localhost" });
    const files = makeModel({ size: 24 * MIB });
    const ours = world.registry.add("library/ours:latest", files);
    const theirs = world.registry.add("library/theirs:latest", {
      ...files,
      layers: [files.layers[0]!, ...makeModel({ size: MIB, seed: 2 }).layers.slice(1)],
    });
    for (let round = 0; round < ROUNDS; round++) {
      {
        // Its commands may fail: what counts is that they harm nothing.
        await using ollama = await openOllama(world);
        const beside = (async () => {
          for (let i = 0; i < 3; i++) {
            await ollama.run("pull", "--insecure", theirs.name).catch(() => {});
            await ollama.run("rm", theirs.name).catch(() => {});
          }
        })();
        for (let i = 0; i < 3; i++) {
          const { code, out, err } = await world.pull(ours.name);
          assert.equal(code, 0, out + err);
          if (i < 2) await ollama.run("rm", ours.name).catch(() => {});
        }
        await beside;
      }
      // The server that starts now removes what it takes for unused.
      await using ollama = await openOllama(world);
      const { manifest, layers, config } = ours;
      assertInstalled(world.models, ours.name, { manifest, blobs: [...layers, config!] });
      assert.match(await ollama.run("show", ours.name), /architecture +llama/);
      await ollama.run("rm", ours.name);
    }
  },
);
