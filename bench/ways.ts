/**
 * Compares the ways from one machine to another with other programs that move the same bytes, in turn:
 *
 *     deno run -A bench/ways.ts [--size 1500MB] [--rounds 5] [--only export,import,serve,push]
 *
 * All files are in memory. PULLAMA_BIN is the path of the compiled program. It needs root, nginx, docker-registry,
 * curl, tar, openssl and GNU time. The first rounds of a virtual machine are slow: run it twice.
 */

import { parseArgs } from "node:util";
import { parseSize } from "../src/core/units.ts";
import { makeModel } from "../tests/fakes/model.ts";
import { runToEnd } from "../tests/real/child.ts";
import { startDockerRegistry, startNginx } from "../tests/real/servers.ts";
import { startServing } from "../tests/real/serving.ts";
import { install } from "../tests/store/installed_models.ts";
import { openWorkFolder } from "./fixture.ts";
import { measure, type Measured, median } from "./measure.ts";

const MB = 1e6;

const { values } = parseArgs({
  options: {
    size: { type: "string", default: "1500MB" },
    rounds: { type: "string", default: "5" },
    only: { type: "string", default: "export,import,serve,push" },
  },
});
const size = parseSize(values.size);
const only = values.only.split(",");
const program = Deno.env.get("PULLAMA_BIN") ?? "pullama";

await using folder = await openWorkFolder(3 * size + 300 * MB);
const home = folder.path;
const [models, copies, archive] = ["models", "copies", "x.tar"].map((name) => `${home}/${name}`);
const installed = install(models!, "big/latest", makeModel({ size }));
const weights = installed.blobs.reduce((a, b) =>
  Deno.statSync(b).size > Deno.statSync(a).size ? b : a
);
const digest = `sha256:${weights.slice(-64)}`;
// As after a pull: what is not known to be right is read once before it is served or exported.
await measure([program, "verify", "--full", "--quiet", "--models-dir", models!], home);
const results = new Map<string, Measured[]>();

/** Measures a command after `empty` paths are removed. */
async function run(
  name: string,
  command: readonly string[],
  empty: readonly string[] = [],
): Promise<void> {
  for (const path of empty) await runToEnd(["rm", "-rf", path]);
  results.set(name, [...results.get(name) ?? [], await measure(command, home)]);
}

const pullama = (dir: string, ...args: readonly string[]) => [
  program,
  ...args,
  "--models-dir",
  dir,
];

/** A round of each way. */
const WAYS: Readonly<Record<string, () => Promise<void>>> = {
  async export() {
    const paths = [archive!, `${archive}.other`, copies!];
    await run("pullama export", pullama(models!, "export", "big", "-o", archive!), paths);
    await run("tar -cf", ["tar", "-cf", `${archive}.other`, "-C", models!, "."]);
    await runToEnd(["rm", `${archive}.other`]);
  },
  async import() {
    if (!only.includes("export")) {
      await measure(pullama(models!, "export", "big", "-o", archive!, "--force"), home);
    }
    await run("pullama import", pullama(copies!, "import", archive!), [copies!]);
    await run("tar -xf", ["tar", "-xf", archive!, "-C", copies!], [`${copies}/blobs`]);
    await run("openssl dgst -sha256", ["openssl", "dgst", "-sha256", weights]);
    await runToEnd(["rm", "-rf", copies!, archive!]);
  },
  async serve() {
    await using server = await startServing(models!, home);
    await using nginx = await startNginx(`${models}/blobs`);
    const curl = (url: string) => ["curl", "-sSf", "-o", "/dev/null", url];
    await run(
      "curl from pullama serve",
      curl(`http://${server.host}/v2/library/big/blobs/${digest}`),
    );
    const file = weights.slice(weights.lastIndexOf("/") + 1);
    await run("curl from nginx", curl(`http://${nginx.host}/${file}`));
  },
  async push() {
    const store = `${home}/registry`;
    {
      await using registry = await startDockerRegistry({ store });
      const to = ["--to", registry.host, "--insecure"];
      await run("pullama push", pullama(models!, "push", "big", ...to));
    }
    await runToEnd(["rm", "-rf", store]);
    {
      await using registry = await startDockerRegistry({ store });
      const begun = await fetch(`http://${registry.host}/v2/library/big/blobs/uploads/`, {
        method: "POST",
      });
      await begun.body?.cancel();
      const url = new URL(begun.headers.get("location")!, begun.url);
      url.searchParams.set("digest", digest);
      const type = ["-H", "content-type: application/octet-stream", "-H", "expect:"];
      await run("curl -T", ["curl", "-sSf", "-T", weights, ...type, url.href]);
    }
    await runToEnd(["rm", "-rf", store]);
  },
};

for (let round = 1; round <= Number(values.rounds); round++) {
  for (const [way, once] of Object.entries(WAYS)) if (only.includes(way)) await once();
  console.error(`round ${round} of ${values.rounds}`);
}
console.log("| | seconds | CPU s | peak MiB | seconds of each round |\n|---|---|---|---|---|");
for (const [name, runs] of results) {
  const { wall, cpu, rss } = median(runs);
  const each = runs.map((one) => one.wall.toFixed(2)).join(" ");
  console.log(`| ${name} | ${wall.toFixed(2)} | ${cpu.toFixed(2)} | ${rss.toFixed(0)} | ${each} |`);
}
