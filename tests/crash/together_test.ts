import { randomNumbers } from "../random.ts";
import { HAS_ELSEWHERE, pullTogether } from "./together.ts";
import { SEED as seed } from "../seed.ts";
import { needing } from "../needs.ts";

const ROUNDS = 2;

Deno.test("several processes at once download each blob once, and all succeed", async () => {
  const random = randomNumbers(seed);
  for (const processes of [2, 4]) {
    for (let round = 0; round < ROUNDS; round++) await pullTogether({ processes, random });
  }
});

for (const elsewhere of ["blobs", "manifests", "models"] as const) {
  Deno.test({
    ...needing(
      HAS_ELSEWHERE ? [] : ["root"],
      `several processes at once store right bytes where ${elsewhere} is on another file system`,
    ),
    async fn() {
      const random = randomNumbers(seed);
      for (let round = 0; round < ROUNDS; round++) {
        await pullTogether({ processes: 3, elsewhere, random });
      }
    },
  });
}

Deno.test("several processes at once, some of them killed, leave nothing behind", async () => {
  const random = randomNumbers(seed);
  for (let round = 0; round < ROUNDS; round++) {
    await pullTogether({ processes: 3, kills: 0.5, beside: [["clean"]], random });
  }
});

Deno.test({
  ...needing(
    ["file modes"],
    "several processes at once, with a closed umask, make files that a server can read",
  ),
  async fn() {
    const random = randomNumbers(seed);
    const prefix = ["sh", "-c", 'umask 077; exec "$@"', "sh"];
    for (let round = 0; round < ROUNDS; round++) {
      await pullTogether({ processes: 3, prefix, random, mode: 0o644 });
    }
  },
});
