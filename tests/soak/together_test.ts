import { randomNumbers } from "../random.ts";
import { HAS_ELSEWHERE, pullTogether, type Together } from "../crash/together.ts";
import { mayMount } from "../io/mount.ts";
import { testWith } from "../needs.ts";
import { SEED as seed } from "../seed.ts";

const ROUNDS = Number(Deno.env.get("PULLAMA_ROUNDS") ?? 5);

const ALL_COMMANDS = [
  ["clean"],
  ["rm", "MODEL"],
  ["queue", "add", "MODEL"],
  ["queue", "start"],
  ["list"],
];
const NO_LINKS = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=link,linkat:error=EPERM"];

const WORLDS: readonly Omit<Together, "random" | "processes">[] = [
  {},
  { elsewhere: "blobs" },
  { elsewhere: "mounted blobs" },
  { elsewhere: "manifests" },
  { elsewhere: "models" },
  { prefix: NO_LINKS },
  { beside: [["clean"], ["clean"]] },
  { beside: ALL_COMMANDS },
  { pauses: 0.5, beside: [["clean"]] },
  { interrupts: 0.5, beside: [["clean"]] },
  { kills: 0.5, beside: [["clean"]] },
  { kills: 0.5, elsewhere: "blobs" },
  { kills: 0.3, interrupts: 0.2, pauses: 0.2, beside: ALL_COMMANDS },
];

for (const { elsewhere, prefix, ...world } of WORLDS) {
  if (elsewhere && (elsewhere === "mounted blobs" ? !mayMount() : !HAS_ELSEWHERE)) continue;
  const place = elsewhere ?? (prefix ? "without hard links" : "usual");
  testWith(
    ["a long time", ...(prefix ? ["strace" as const] : [])],
    `2 to 8 processes at once, ${ROUNDS} rounds each: ${place}, ${JSON.stringify(world)}`,
    async () => {
      const random = randomNumbers(seed);
      for (const processes of [2, 3, 4, 8]) {
        for (let round = 0; round < ROUNDS; round++) {
          await pullTogether({
            ...world,
            ...(prefix && { prefix }),
            elsewhere,
            processes,
            random,
          });
        }
      }
    },
  );
}
