import { killTheQueue } from "../crash/queue_kills.ts";
import { testWith } from "../needs.ts";
import { SEED } from "../seed.ts";

testWith(
  ["a long time"],
  "200 kills of queue start while three processes add: no entry is lost, duplicated or stuck as active",
  async () => {
    const seed = SEED;
    const atWork = await killTheQueue({ kills: 200, each: 1, seed });
    console.log(`${atWork} of 200 were killed at work, seed ${seed}`);
  },
);
