/**
 * Compares the time of `pullama list` with many installed models to `cat` of the same manifests:
 *
 *     deno run -A bench/list.ts [--models 2000] [--rounds 7]
 *
 * They run in turn. A list of an empty models folder shows the startup time. PULLAMA_BIN is the
 * path of the compiled program; without it the source is run.
 */

import { parseArgs } from "node:util";
import { makeModel } from "../tests/fakes/model.ts";
import { cacheOfDeno, pullamaCommand } from "../tests/real/program.ts";
import { runToEnd, temporaryFolder } from "../tests/real/child.ts";
import { config, install } from "../tests/store/installed_models.ts";

const { values } = parseArgs({
  options: {
    models: { type: "string", default: "2000" },
    rounds: { type: "string", default: "7" },
  },
});
const count = Number(values.models);
const rounds = Number(values.rounds);

await using folder = await temporaryFolder();
const models = `${folder.path}/models`;
const empty = `${folder.path}/empty`;
const { layers } = makeModel({ size: 0 });
for (let i = 0; i < count; i++) {
  // Every manifest is different; two tags per model.
  install(models, `model-${i >> 1}/${i % 2 === 0 ? "latest" : "8b"}`, {
    config: config({ model_format: "gguf", number: i }),
    layers,
  });
}
await Deno.mkdir(empty);

const list = (dir: string) => [...pullamaCommand(), "list", "--models-dir", dir];
const cat = `cat ${models}/manifests/*/*/*/*`;
const contenders: Readonly<Record<string, readonly string[]>> = {
  list: list(models),
  start: list(empty),
  cat: ["sh", "-c", `${cat} > /dev/null`],
  each: ["sh", "-c", `for f in ${models}/manifests/*/*/*/*; do cat "$f"; done > /dev/null`],
};

const times = new Map(Object.keys(contenders).map((name) => [name, [] as number[]]));
for (let round = 0; round < rounds; round++) {
  for (const [name, command] of Object.entries(contenders)) {
    const started = performance.now();
    const { code, out, err } = await runToEnd(command, {
      env: { HOME: folder.path, ...cacheOfDeno() },
    });
    times.get(name)!.push(performance.now() - started);
    const lines = out.split("\n").length - 2;
    if (code !== 0 || (name === "list" && lines !== count)) {
      throw new Error(`${name} exited with ${code} after ${lines} lines: ${err}`);
    }
  }
}

const middle = (name: string) => times.get(name)!.sort((a, b) => a - b)[rounds >> 1]!;
const work = middle("list") - middle("start");
const row = (text: string, ms: number) =>
  `| ${text} | ${ms.toFixed(0)} | ${(ms / middle("cat")).toFixed(1)} |`;
console.log(`${count} models, median of ${rounds} interleaved rounds:\n`);
console.log("| | ms | to cat |\n|---|---|---|");
console.log(row("pullama list", middle("list")));
console.log(row("pullama list, no models (startup)", middle("start")));
console.log(row("pullama list, without startup", work));
console.log(row("cat, one process for all manifests", middle("cat")));
console.log(row("cat, one process per manifest", middle("each")));
