/** Network and server outages: the compiled program with `--retry-for`, in real time. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { makeModel } from "../fakes/model.ts";
import { portOf } from "../fakes/listen.ts";
import { startRegistry } from "../fakes/registry.ts";
import { testWith } from "../needs.ts";
import { kill, runToEnd, temporaryFolder } from "./child.ts";
import { pullama, pullamaCommand } from "./program.ts";
import { assertInstalled } from "./store.ts";

const MIB = 1 << 20;
const SERVE = fileURLToPath(new URL("../fakes/serve.ts", import.meta.url));

interface Serving {
  readonly process: Deno.ChildProcess;
  readonly host: string;
}

/** Starts the fake registry as another process; resolves when it is ready. */
async function serve(flags: readonly string[]): Promise<Serving> {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", "--no-check", "--frozen", SERVE, ...flags],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const lines = process.stdout.pipeThrough(new TextDecoderStream());
  for await (const text of lines) {
    return { process, host: JSON.parse(text).host };
  }
  throw new Error("the registry does not start");
}

testWith(
  ["a compiled program"],
  "a pull with --retry-for survives a server that is down a third of the time",
  async () => {
    await using folder = await temporaryFolder();
    const flags = ["--size", "160MiB", "--rate", "16MiB", "--for", "90"];
    let serving = await serve(flags);
    const port = portOf(serving.host);
    let over = false;
    const comings = (async () => {
      let downs = 0;
      const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
      while (!over) {
        await wait(2000);
        if (over) break;
        kill(serving.process, "SIGKILL");
        await serving.process.status;
        downs++;
        await wait(1000);
        serving = await serve([...flags, "--port", port]);
      }
      kill(serving.process, "SIGKILL");
      await serving.process.status;
      return downs;
    })();
    const model = `127.0.0.1:${port}/library/tiny:latest`;
    const args = ["pull", model, "--insecure", "--models-dir", `${folder.path}/m`];
    const ended = await pullama([...args, "--retry-for", "forever", "--max-retries", "0"], {
      home: folder.path,
    });
    over = true;
    const downs = await comings;
    assert.equal(ended.code, 0, ended.err);
    assert.ok(downs >= 2, `down ${downs} times`);
    await using same = await startRegistry();
    const files = same.add("library/tiny:latest", makeModel({ size: 160 * MIB }));
    assertInstalled(`${folder.path}/m`, model, {
      manifest: files.manifest,
      blobs: [...files.layers, files.config!],
    });
  },
);

testWith(
  ["a compiled program", "root"],
  "a pull with --retry-for waits until the host name can be resolved",
  async () => {
    await using folder = await temporaryFolder();
    await using registry = await startRegistry();
    const model = registry.add("library/tiny:latest", makeModel({ size: MIB }));
    const [hosts, switches] = [`${folder.path}/hosts`, `${folder.path}/nsswitch.conf`];
    await Deno.writeTextFile(hosts, "127.0.0.1 localhost\n");
    await Deno.writeTextFile(switches, "hosts: files\n");
    const port = portOf(registry.host);
    const name = `registry.test:${port}/library/tiny:latest`;
    const inside =
      `mount --bind ${hosts} /etc/hosts && mount --bind ${switches} /etc/nsswitch.conf && ` +
      `exec "$@"`;
    const command = ["unshare", "-m", "sh", "-c", inside, "sh", ...pullamaCommand()];
    const args = ["pull", name, "--insecure", "--models-dir", `${folder.path}/m`];
    const flags = ["--retry-for", "60s", "--max-retries", "0", "--output", "json"];
    const pulling = runToEnd([...command, ...args, ...flags], { env: { HOME: folder.path } });
    const known = setTimeout(
      () => Deno.writeTextFileSync(hosts, "127.0.0.1 registry.test\n", { append: true }),
      3000,
    );
    const ended = await pulling;
    clearTimeout(known);
    assert.equal(ended.code, 0, ended.err);
    assert.match(ended.out, /"event":"waiting"/);
    assertInstalled(`${folder.path}/m`, name, {
      manifest: model.manifest,
      blobs: [...model.layers, model.config!],
    });
  },
);

testWith(
  ["a compiled program"],
  "signed URLs that expire within seconds are requested again as often as needed",
  async () => {
    await using folder = await temporaryFolder();
    await using registry = await startRegistry({
      blobHosts: 1,
      signedSeconds: 2,
      bytesPerSecond: 12 * MIB,
    });
    const model = registry.add("library/tiny:latest", makeModel({ size: 96 * MIB }));
    const args = ["pull", model.name, "--insecure", "--models-dir", `${folder.path}/m`];
    const ended = await pullama([...args, "--retry-for", "60s"], { home: folder.path });
    assert.equal(ended.code, 0, ended.err);
    assertInstalled(`${folder.path}/m`, model.name, {
      manifest: model.manifest,
      blobs: [...model.layers, model.config!],
    });
  },
);
