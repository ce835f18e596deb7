import { randomNumbers } from "../crash/kills.ts";
import { ELSEWHERE, pullTogether, type Together } from "../crash/together.ts";
import { testWith } from "../needs.ts";

const ROUNDS = Number(Deno.env.get("PULLAMA_ROUNDS") ?? 10);
const seed = Number(Deno.env.get("PULLAMA_SEED") ?? Math.floor(Math.random() * 2 ** 31));

const WORLDS: readonly Omit<Together, "random" | "processes">[] = [
  {},
  { elsewhere: "blobs" },
  { elsewhere: "manifests" },
  { elsewhere: "models" },
  { beside: [["clean"], ["clean"]] },
  { kills: 0.5, beside: [["clean"]] },
  { kills: 0.5, elsewhere: "blobs" },
];

for (const world of WORLDS.filter(({ elsewhere }) => !elsewhere || ELSEWHERE)) {
  testWith(
    ["a long time"],
    `2 to 8 processes at once, ${ROUNDS} rounds each: ${JSON.stringify(world)}`,
    async () => {
      const random = randomNumbers(seed);
      for (const processes of [2, 3, 4, 8]) {
        for (let round = 0; round < ROUNDS; round++) {
          await pullTogether({ ...world, processes, random });
        }
      }
    },
  );
}
