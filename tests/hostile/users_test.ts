/**
 * The compiled program in a models folder that another user may write to: whatever that user puts there, and however
 * fast, foreign files stay as they are.
 */

import assert from "node:assert/strict";
import { mapConcurrent } from "../../src/io/concurrency.ts";
import { needing, testWith } from "../needs.ts";
import { kill } from "../real/child.ts";
import { drawn, SEED } from "../seed.ts";
import { attack, LIMIT_MS } from "./attack.ts";
import { KINDS, PLACES } from "./planting.ts";
import { ALICE, as, company, ROLES, SharedPlace } from "./users.ts";

const SWAPPING_MS = 30_000;
/** Of all kinds of files in all places; with PULLAMA_SOAK=whole all, in about half an hour. */
const SHARE = 0.3;

for (const [who, roles] of Object.entries(ROLES)) {
  Deno.test({
    ...needing(
      ["a compiled program", "root", "a long time"],
      `${who}: every kind of file in every place`,
    ),
    async fn(t) {
      await using around = await company();
      console.log(`seed ${SEED}`);
      for (const place of Object.keys(PLACES)) {
        await t.step(place, async () => {
          await mapConcurrent(
            drawn(Object.keys(KINDS), SHARE),
            2,
            (kind) => attack(place, kind, roles, around),
          );
        });
      }
    },
  });
}

/** Replaces each path by a link to a folder and back, as fast as it can. */
const SWAPPER = `
  my ($target, @paths) = @ARGV;
  while (1) {
    for my $path (@paths) {
      rename($path, "$path.away") or next;
      symlink($target, $path);
      unlink($path);
      rename("$path.away", $path);
    }
  }
`;

testWith(
  ["a compiled program", "root", "a long time"],
  "root's pulls, cleans and removals beside 30 s of swapped folders touch no foreign file",
  async () => {
    await using around = await company();
    const end = performance.now() + SWAPPING_MS;
    let rounds = 0;
    while (performance.now() < end) {
      await using at = await SharedPlace.make(ROLES["root in a folder of another user"]!, around);
      const { paths } = at.world;
      const folders = [
        paths.temporary,
        paths.ready,
        paths.own,
        paths.blobs,
        PLACES["a folder of manifests"]!(at.planted),
        paths.manifests,
      ];
      const swapper = new Deno.Command(as(ALICE)[0]!, {
        args: [...as(ALICE).slice(1), "perl", "-e", SWAPPER, at.victims.folder, ...folders],
      }).spawn();
      try {
        const { whole, half } = around;
        for (
          const args of [
            ["pull", half.name, "--insecure"],
            ["clean"],
            ["pull", whole.name, "--insecure", "--force"],
            ["rm", whole.name, half.name],
            ["clean"],
          ]
        ) {
          const { out, err, elapsedMs } = await at.run(args);
          assert.ok(at.untouched(), `${args}: ${out}${err}`);
          assert.ok(elapsedMs < LIMIT_MS, `${args}: ${out}${err}`);
        }
        rounds++;
      } finally {
        kill(swapper, "SIGKILL");
        await swapper.status;
      }
    }
    assert.ok(rounds > 0);
  },
);
