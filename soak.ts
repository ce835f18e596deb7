/**
 * The long tests, or what kills cost:
 *
 *     deno task soak [ARGUMENTS OF deno test]
 *     deno task soak --files
 *     deno task soak --file FILE [ARGUMENTS OF deno test]
 *     deno task soak --kills 1000 [--peers 40]
 *
 * `--files` prints the files of tests, `--file` runs one of them. With `--kills` a model is pulled from a real registry that is as bad as registries get, and killed again and again;
 * with `--peers` curl, aria2c and, where OLLAMA_BIN is set, `ollama pull` are killed as often as that says. PULLAMA_BIN
 * is the compiled program; without it, it runs from source. PULLAMA_SEED repeats what was drawn by chance.
 */

import { parseArgs } from "node:util";
import { ARIA2C, type Client, CURL, OLLAMA, pullamaWith } from "./tests/kills/clients.ts";
import { type Row, tableOf } from "./tests/kills/figures.ts";
import { startFront } from "./tests/kills/front.ts";
import { killAll } from "./tests/kills/killing.ts";
import { pushModel } from "./tests/real/push.ts";
import { startDockerRegistry } from "./tests/real/servers.ts";
import { SEED } from "./tests/seed.ts";

const MIB = 1024 * 1024;
const SIZE = 96 * MIB;
const RATE = 48 * MIB;

/** All but those of tests/soak try only some of it elsewhere. */
const TESTS = [
  "tests/crash/power_test.ts",
  "tests/store/write/commit_test.ts",
  "tests/transfer/claims_test.ts",
  "tests/crash/live_test.ts",
  "tests/hostile",
  "tests/soak",
];
const RUN = ["test", "--frozen", "-A", "--sanitize-ops", "--sanitize-resources"];

const [first, file, ...others] = Deno.args;
if (Deno.args.includes("--kills")) await kill();
else if (first === "--files") console.log(TESTS.flatMap(filesOf).join("\n"));
else if (first === "--file" && file) Deno.exit(await test([file], others));
else Deno.exit(await test(TESTS, Deno.args));

async function test(files: readonly string[], args: readonly string[]): Promise<number> {
  const env = { PULLAMA_SOAK: Deno.env.get("PULLAMA_SOAK") ?? "1", PULLAMA_REAL: "1" };
  const command = new Deno.Command(Deno.execPath(), { args: [...RUN, ...args, ...files], env });
  return (await command.spawn().status).code;
}

/** The files of tests in a folder, or the file itself. */
function filesOf(path: string): string[] {
  if (path.endsWith(".ts")) return [path];
  const names = [...Deno.readDirSync(path)].map(({ name }) => name);
  return names.filter((name) => name.endsWith("_test.ts")).sort().map((name) => `${path}/${name}`);
}

async function kill(): Promise<void> {
  const { values } = parseArgs({
    args: [...Deno.args],
    options: {
      kills: { type: "string" },
      peers: { type: "string", default: "0" },
    },
  });
  const [kills, peers] = [Number(values.kills), Number(values.peers)];
  if (!(kills > 0 && peers >= 0)) throw new Error("--kills and --peers need numbers");
  await using registry = await startDockerRegistry();
  const pushed = { host: registry.host, repository: "library/tiny", size: SIZE, seed: 1 };
  const model = await pushModel(pushed);
  await using front = await startFront(registry.host, RATE);
  const rows: Row[] = [];
  const add = async (client: Client, kills: number, rough: boolean) => {
    const toll = await killAll({
      client,
      front,
      model,
      kills,
      seed: SEED,
      bytesPerSecond: RATE,
      rough,
    });
    const name = rough ? `${client.name}, with faults` : client.name;
    rows.push({ name, toll });
    const troubles = [...toll.troubles].map(([name, n]) => `${name} ${n}`).join(", ");
    console.error(`${name}: ${toll.kills} kills, ${troubles}`);
  };
  console.error(`seed ${SEED}`);
  await add(pullamaWith("--connections", "4"), kills, true);
  if (peers > 0) {
    await add(pullamaWith("--connections", "4"), peers, false);
    await add(CURL, peers, false);
    await add(ARIA2C, peers, false);
    if (Deno.env.get("OLLAMA_BIN")) await add(OLLAMA, peers, false);
  }
  console.log(tableOf(rows));
  console.log(`\nMiB that each kill made it download twice; no wrong byte, no hang; seed ${SEED}`);
}
