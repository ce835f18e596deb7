import assert from "node:assert/strict";
import { testWith } from "../needs.ts";
import { type Ending, pullByChance } from "./random_world.ts";
import { SEED as seed } from "../seed.ts";

const runs = Number(Deno.env.get("PULLAMA_RUNS") ?? 500);
/** Stop after this many failures. */
const ENOUGH = 20;

testWith(
  ["a long time"],
  `${runs} pulls with random faults end with the exact model or a clear error, seed ${seed}`,
  async () => {
    const began = performance.now();
    const endings = new Map<Ending, number>();
    const broken: string[] = [];
    const most = { pulls: 0, waits: 0, ms: 0, stopMs: 0 };
    for (let k = 0; k < runs && broken.length < ENOUGH; k++) {
      try {
        const report = await pullByChance(seed + k);
        for (const ending of report.endings) endings.set(ending, (endings.get(ending) ?? 0) + 1);
        most.pulls += report.endings.length;
        most.waits = Math.max(most.waits, report.waits);
        most.ms = Math.max(most.ms, report.ms);
        most.stopMs = Math.max(most.stopMs, report.stopMs);
      } catch (error) {
        broken.push(error instanceof Error ? error.message : String(error));
        console.log(broken.at(-1));
      }
    }
    const said = [...endings].sort(([, a], [, b]) => b - a).map(([what, n]) => `${n} ${what}`);
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    console.log(
      `seed ${seed}, ${runs} runs, ${most.pulls} pulls in ${seconds} s: ${said.join(", ")}; ` +
        `at most ${most.waits} waits, ${most.ms.toFixed(0)} ms, ` +
        `${most.stopMs.toFixed(0)} ms from a stop to the end`,
    );
    assert.equal(broken.length, 0, broken.join("\n"));
  },
);
