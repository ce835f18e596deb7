import { cutPower } from "../power/power.ts";
import { SCENES } from "../power/scenes.ts";
import { testWith } from "../needs.ts";
import { SEED as seed } from "../seed.ts";

const MOST = Number(Deno.env.get("PULLAMA_STATES") ?? 80);

for (const scene of SCENES) {
  const title = `case 84: a power cut at any step of ${scene.what} costs nothing that was synced`;
  testWith(["a long time", "strace"], title, async () => {
    const { steps, states, tried } = await cutPower(scene, seed, MOST);
    console.log(`${scene.what}: ${steps} steps, ${states} states, ${tried} tried, seed ${seed}`);
  });
}
