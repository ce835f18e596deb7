/** One model on every way that leads from one machine to another: the bytes of its manifest never change. */

import assert from "node:assert/strict";
import { contentOf } from "../cli/archive/place.ts";
import { makeModel } from "../fakes/model.ts";
import { startRegistry } from "../fakes/registry.ts";
import { testWith } from "../needs.ts";
import { runToEnd, temporaryFolder } from "./child.ts";
import { openOllama } from "./ollama.ts";
import { pullama } from "./program.ts";
import { startDockerRegistry } from "./servers.ts";
import { startServing } from "./serving.ts";

testWith(
  ["docker-registry", "a real Ollama"],
  "registry, pull, export, tar -x, import, serve, mirror, push, mirror: `ollama list` shows one ID",
  async () => {
    await using folder = await temporaryFolder();
    const home = folder.path;
    const at = (name: string) => `${home}/${name}`;
    const run = async (models: string, ...args: string[]) => {
      const { code, out, err } = await pullama([...args, "--models-dir", at(models)], { home });
      assert.equal(code, 0, `${args[0]}: ${err}${out}`);
    };
    const archive = at("models.tar");

    await using registry = await startRegistry();
    const { digest } = registry.add("library/tiny:latest", makeModel({ size: 9 << 20, seed: 1 }));
    await run("pulled", "pull", "tiny", "--mirror", registry.url, "--offline");
    await run("pulled", "export", "tiny", "-o", archive);
    Deno.mkdirSync(at("unpacked"));
    const unpacked = await runToEnd(["tar", "-xf", archive, "-C", at("unpacked")]);
    assert.equal(unpacked.code, 0, unpacked.err);
    await run("imported", "import", archive);
    {
      await using server = await startServing(at("imported"), home);
      const mirror = `http://${server.host}`;
      await run("mirrored", "pull", "tiny", "--mirror", mirror, "--offline");
    }
    await using docker = await startDockerRegistry();
    await run("mirrored", "push", "tiny", "--to", docker.host, "--insecure");
    await run("last", "pull", "tiny", "--mirror", `http://${docker.host}`, "--offline");

    const folders = ["pulled", "unpacked", "imported", "mirrored", "last"];
    const [first, ...others] = folders.map((name) => contentOf(at(name)));
    for (const other of others) assert.deepEqual(other, first);
    const id = digest.slice("sha256:".length).slice(0, 12);
    for (const name of folders) {
      await using ollama = await openOllama({ models: at(name), home });
      assert.match(await ollama.run("list"), new RegExp(`^tiny:latest +${id} `, "m"), name);
    }
  },
);
