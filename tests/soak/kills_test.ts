import assert from "node:assert/strict";
import { killAgainAndAgain, MIB } from "../crash/kills.ts";
import type { Machine } from "../crash/machine.ts";
import { testWith } from "../needs.ts";
import { SEED as seed } from "../seed.ts";

const RATE = 100 * MIB;
const SLOW = 12 * MIB;

interface Case {
  readonly connections: number;
  readonly kills: number;
  readonly size: number;
  readonly what: string;
  readonly between?: (place: Machine) => void;
  /** Bytes a second, default 100 MiB. */
  readonly rate?: number;
  /** Maximum cost of each kill in bytes. */
  readonly each: number;
}

const CASES: readonly Case[] = [
  { what: "unchanged files", connections: 1, kills: 50, size: 512 * MIB, each: MIB },
  { what: "unchanged files", connections: 4, kills: 50, size: 512 * MIB, each: 4 * MIB },
  { what: "unchanged files", connections: 16, kills: 20, size: 256 * MIB, each: 16 * MIB },
  {
    what: "a slow network",
    connections: 64,
    kills: 10,
    size: 128 * MIB,
    rate: SLOW,
    each: SLOW / 2,
  },
  {
    what: "without positions",
    connections: 4,
    kills: 10,
    size: 512 * MIB,
    between: remove,
    each: 2 * RATE + 4 * MIB,
  },
];

for (const { what, connections, kills, size, rate = RATE, between, each } of CASES) {
  testWith(
    ["a long time"],
    `case 83: ${kills} kills of ${connections} connections, ${what}`,
    async () => {
      const began = performance.now();
      const cost = await killAgainAndAgain({
        size,
        kills,
        connections,
        bytesPerSecond: rate,
        seed,
        ...(between && { between }),
      });
      const { lost, sentToTheDead } = cost;
      const perKill = (bytes: number) => (bytes / cost.kills / MIB).toFixed(3);
      const seconds = ((performance.now() - began) / 1000).toFixed(0);
      console.log(
        `${connections} connections, ${cost.kills} kills, ${what}: ${
          perKill(lost)
        } MiB twice a kill and ` +
          `${perKill(sentToTheDead)} sent after it, ${seconds} s, seed ${seed}`,
      );
      assert.ok(
        cost.kills > kills / 2 && lost < cost.kills * each,
        `${lost} bytes came twice, seed ${seed}`,
      );
    },
  );
}

function remove(place: Machine): void {
  for (const path of place.unfinished("live")) Deno.removeSync(path);
}
