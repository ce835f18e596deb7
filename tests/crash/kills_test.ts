import assert from "node:assert/strict";
import { killAgainAndAgain, MIB } from "./kills.ts";
import { SEED as seed } from "../seed.ts";

const KILLS = 3;

for (const connections of [1, 4]) {
  Deno.test(`case 83: ${connections} connections, killed ${KILLS} times, download less than 1 MiB each twice`, async () => {
    const { lost, kills } = await killAgainAndAgain({
      size: 32 * MIB,
      kills: KILLS,
      connections,
      bytesPerSecond: 40 * MIB,
      seed,
    });
    assert.ok(
      kills > 0 && lost < kills * connections * MIB,
      `${lost} bytes came twice (PULLAMA_SEED=${seed})`,
    );
  });
}
