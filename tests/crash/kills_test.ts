import assert from "node:assert/strict";
import { killAgainAndAgain, MIB } from "./kills.ts";

const KILLS = 3;
const seed = Number(Deno.env.get("PULLAMA_SEED") ?? Math.floor(Math.random() * 2 ** 31));

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
