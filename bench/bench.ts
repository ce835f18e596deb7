/**
 * Gives the same work to pullama and to its peers in turn, and prints what it took as a Markdown table:
 *
 *     deno task bench [--size 1GiB] [--rounds 5] [--only pullama,curl] [--layers 20000]
 *
 * One blob comes from nginx on the loopback; what is compared is the time until a verified copy is there.
 * PULLAMA_BIN names the compiled program; without it one is built. See docs/performance.md.
 */

import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { parseSize } from "../src/core/units.ts";
import { runToEnd } from "../tests/real/child.ts";
import { sha256Of } from "../tests/real/store.ts";
import { contenders } from "./contenders.ts";
import { type BigModel, openGround, serveBigModel } from "./fixture.ts";
import { pullManyLayers } from "./layers.ts";
import { measure, type Measured, median } from "./measure.ts";

const MiB = 1 << 20;
const REFERENCE = "openssl";

const { values } = parseArgs({
  options: {
    size: { type: "string", default: "1GiB" },
    rounds: { type: "string", default: "5" },
    only: { type: "string" },
    layers: { type: "string", default: "20000" },
  },
});

const size = parseSize(values.size);
const layers = Number(values.layers);
const rounds = Number(values.rounds);
const wanted = values.only?.split(",");

await using ground = await openGround(2 * size + 256 * MiB);
const program = await compiled(ground.path);
if (wanted === undefined || wanted.some((word) => word !== "layers")) await compare();
if (layers > 0 && (wanted === undefined || wanted.includes("layers"))) await manyLayers();

async function compare(): Promise<void> {
  const all = contenders(program);
  const words = Object.keys(all).filter((word) => wanted?.includes(word) ?? true);
  if (words.length === 0) throw new Error(`--only takes ${Object.keys(all).join(", ")}, layers`);
  await using model = await serveBigModel(ground.path, size);
  const runs = new Map(words.map((word) => [word, [] as Measured[]]));
  for (let round = 1; round <= rounds; round++) {
    for (const word of words) runs.get(word)!.push(await once(all[word]!, model));
    console.error(`round ${round} of ${rounds}`);
  }
  const results = new Map([...runs].map(([word, list]) => [word, median(list)]));
  const reference = results.get(REFERENCE)?.wall;
  const place = ground.inMemory ? "tmpfs" : "disk";
  console.log(
    `\n${values.size} over loopback to ${place}, median of ${rounds} interleaved rounds:\n`,
  );
  console.log("| | seconds | to openssl | CPU s | peak MiB | seconds of each round |");
  console.log("|---|---|---|---|---|---|");
  for (const [word, { wall, cpu, rss }] of results) {
    const ratio = reference === undefined ? "" : (wall / reference).toFixed(2);
    const each = runs.get(word)!.map((run) => run.wall.toFixed(2)).join(" ");
    const row = [all[word]!.name, wall.toFixed(2), ratio, cpu.toFixed(2), rss.toFixed(0), each];
    console.log(`| ${row.join(" | ")} |`);
  }
}

/** One run of one contender; its copy is compared and removed. */
async function once(
  contender: ReturnType<typeof contenders>[string],
  model: BigModel,
): Promise<Measured> {
  const folder = `${ground.path}/copy`;
  await Deno.mkdir(folder);
  try {
    const measured = await measure(contender.command(model, folder), ground.path);
    const copy = contender.copy(model);
    if (copy !== undefined && sha256Of(`${folder}/${copy}`) !== model.sha256) {
      throw new Error(`${contender.name} made a wrong copy`);
    }
    return measured;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function manyLayers(): Promise<void> {
  const { wall, cpu, rss } = await pullManyLayers(program, ground.path, layers);
  console.log(`\n${layers} layers of 4 kB from the registry of the tests:\n`);
  console.log("| seconds | CPU s | peak MiB |");
  console.log("|---|---|---|");
  console.log(`| ${wall.toFixed(1)} | ${cpu.toFixed(1)} | ${rss.toFixed(0)} |`);
}

/** The program to measure, built if none is named. */
async function compiled(folder: string): Promise<string> {
  const given = Deno.env.get("PULLAMA_BIN");
  if (given) return await Deno.realPath(given);
  const build = fileURLToPath(new URL("../build.ts", import.meta.url));
  const out = `${folder}/pullama`;
  const built = await runToEnd([Deno.execPath(), "run", "-A", build, "-o", out], {
    env: Deno.env.toObject(),
  });
  if (built.code !== 0) throw new Error(`the program cannot be built: ${built.err}`);
  return out;
}
