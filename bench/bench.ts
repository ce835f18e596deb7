/**
 * Runs the same download with pullama and other programs in turn, and prints Markdown tables:
 *
 *     deno task bench [--size 1GiB] [--rounds N] [--only pullama,curl] [--layers 20000]
 *                     [--networks all] [--plots docs/plots] [--slow] [--scale 1]
 *
 * First over loopback, where nginx serves one blob; the time is that until a verified copy exists.
 * `--only none` skips it; with other programs in `--only`, networks are skipped unless named.
 *
 * Then on bad networks (see scenarios.ts): `--networks` is all, none, or keys with commas between
 * them. A run is ended after 120 seconds. `--slow` allows 900, and lets Ollama pull 256 MiB over a
 * lossy line. `--plots` is the folder for the plots of three of them; "none" draws none. `--scale`
 * is a factor of the size of all models, to try it out. Without `--rounds` there are 5 over
 * loopback and 3 on networks.
 *
 * PULLAMA_BIN is the path of the compiled program; without it the program is built. OLLAMA_BIN is
 * the path of Ollama, BADLINE_BIN that of a program for bad lines (see line.ts). What is missing is
 * left out and named. See docs/performance.md.
 */

import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { parseSize } from "../src/core/units.ts";
import { runToEnd } from "../tests/real/child.ts";
import { sha256Of } from "../tests/real/store.ts";
import { contenders } from "./contenders.ts";
import { type BigModel, openWorkFolder, serveBigModel } from "./fixture.ts";
import { pullManyLayers } from "./layers.ts";
import { measure, type Measured, median } from "./measure.ts";
import { compareOnNetworks, largestModel } from "./networks.ts";
import { chosenScenarios } from "./scenarios.ts";

const MiB = 1 << 20;
const REFERENCE = "openssl";

const { values } = parseArgs({
  options: {
    size: { type: "string", default: "1GiB" },
    rounds: { type: "string" },
    only: { type: "string" },
    layers: { type: "string", default: "20000" },
    networks: { type: "string" },
    plots: { type: "string", default: "docs/plots" },
    slow: { type: "boolean", default: false },
    scale: { type: "string", default: "1" },
  },
});

const size = parseSize(values.size);
const layers = Number(values.layers);
const rounds = Number(values.rounds ?? 5);
const only = values.only === "none" ? [] : values.only?.split(",");
const others = only === undefined || only.length === 0;
const keys = chosenScenarios(values.networks ?? (others ? "all" : "none"));
const scale = Number(values.scale);

const largest = Math.max(only?.length === 0 ? 0 : size, largestModel(keys, scale));
await using folder = await openWorkFolder(2 * largest + 256 * MiB);
const program = await compiled(folder.path);
if (only === undefined || only.some((key) => key !== "layers")) await compare();
if (layers > 0 && (only === undefined || only.includes("layers"))) await manyLayers();
if (keys.length > 0) {
  await compareOnNetworks({
    keys,
    rounds: Number(values.rounds ?? 3),
    scale,
    slow: values.slow,
    plots: values.plots === "none" ? undefined : values.plots,
    program,
    folder: folder.path,
  });
}

async function compare(): Promise<void> {
  const all = contenders(program);
  const keys = Object.keys(all).filter((key) => only?.includes(key) ?? true);
  if (keys.length === 0) {
    throw new Error(`invalid --only: expected some of ${Object.keys(all).join(", ")}, layers`);
  }
  await using model = await serveBigModel(folder.path, size);
  const runs = new Map(keys.map((key) => [key, [] as Measured[]]));
  for (let round = 1; round <= rounds; round++) {
    for (const key of keys) runs.get(key)!.push(await once(all[key]!, model));
    console.error(`round ${round} of ${rounds}`);
  }
  const results = new Map([...runs].map(([key, list]) => [key, median(list)]));
  const reference = results.get(REFERENCE)?.wall;
  const place = folder.inMemory ? "tmpfs" : "disk";
  console.log(
    `\n${values.size} over loopback to ${place}, median of ${rounds} interleaved rounds:\n`,
  );
  console.log("| | seconds | to openssl | CPU s | peak MiB | seconds of each round |");
  console.log("|---|---|---|---|---|---|");
  for (const [key, { wall, cpu, rss }] of results) {
    const ratio = reference === undefined ? "" : (wall / reference).toFixed(2);
    const each = runs.get(key)!.map((run) => run.wall.toFixed(2)).join(" ");
    const row = [all[key]!.name, wall.toFixed(2), ratio, cpu.toFixed(2), rss.toFixed(0), each];
    console.log(`| ${row.join(" | ")} |`);
  }
}

/** One run of one contender. Its copy is verified and removed. */
async function once(
  contender: ReturnType<typeof contenders>[string],
  model: BigModel,
): Promise<Measured> {
  const target = `${folder.path}/copy`;
  await Deno.mkdir(target);
  try {
    const measured = await measure(contender.command(model, target), folder.path);
    const copy = contender.copy(model);
    if (copy !== undefined && sha256Of(`${target}/${copy}`) !== model.sha256) {
      throw new Error(`digest mismatch for the copy of ${contender.name}`);
    }
    return measured;
  } finally {
    await Deno.remove(target, { recursive: true });
  }
}

async function manyLayers(): Promise<void> {
  const { wall, cpu, rss } = await pullManyLayers(program, folder.path, layers);
  console.log(`\n${layers} layers of 4 kB from the test registry:\n`);
  console.log("| seconds | CPU s | peak MiB |");
  console.log("|---|---|---|");
  console.log(`| ${wall.toFixed(1)} | ${cpu.toFixed(1)} | ${rss.toFixed(0)} |`);
}

/** The path of the program: PULLAMA_BIN, or a new build in `folder`. */
async function compiled(folder: string): Promise<string> {
  const given = Deno.env.get("PULLAMA_BIN");
  if (given) return await Deno.realPath(given);
  const build = fileURLToPath(new URL("../build.ts", import.meta.url));
  const out = `${folder}/pullama`;
  const built = await runToEnd([Deno.execPath(), "run", "-A", build, "-o", out], {
    env: Deno.env.toObject(),
  });
  if (built.code !== 0) throw new Error(`cannot build the program: ${built.err}`);
  return out;
}
