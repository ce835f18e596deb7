/**
 * Power cuts of a real file system: what is on the disk below ext4 at random moments, while pulls write to it. Its
 * journal, and all that it has delayed or reordered, are those of the kernel.
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { randomNumbers } from "../random.ts";
import { exists } from "../fakes/exists.ts";
import { runCommand } from "../io/mount.ts";
import { testWith } from "../needs.ts";
import { rebooted } from "../power/built.ts";
import { assertHas, pulledAgain, sizeOf, SLOW } from "../power/scenes.ts";
import { assertSound, type Place, place, succeeds } from "../power/place.ts";
import { kill, spawnAlone } from "../real/child.ts";
import { cacheOfDeno, pullamaCommand } from "../real/program.ts";
import { filesUnder } from "../real/store.ts";
import { SEED as seed } from "../seed.ts";

const MIB = 1 << 20;
const DISK = 96 * MIB;
const SIZE = 3 * MIB;
const PULLS = 3;
/** Power cuts in each pull. */
const CUTS = 12;
const LONGEST_MS = 400;

/** Runs `use` while the file system in `image` is mounted at `at`. */
async function mounted<T>(image: string, at: string, use: () => Promise<T>): Promise<T> {
  await runCommand("mount", "-o", "loop,commit=1", image, at);
  try {
    return await use();
  } finally {
    await runCommand("umount", at);
  }
}

/** What is on the disk. It is read twice: what was written meanwhile would be there in part. */
async function diskNow(image: string): Promise<Uint8Array> {
  for (let before = await Deno.readFile(image);;) {
    const now = await Deno.readFile(image);
    if (Buffer.from(now.buffer).equals(before)) return now;
    before = now;
  }
}

/** Pulls, and keeps what is on the disk at random moments. */
async function cutWhile(
  { registry, folder }: Place,
  args: readonly string[],
  image: string,
  random: () => number,
): Promise<Uint8Array[]> {
  registry.faults.data = SLOW.data;
  const process = spawnAlone([...pullamaCommand(), ...args], {
    env: { HOME: `${folder}/home`, ...cacheOfDeno() },
  });
  const ended = Promise.all([new Response(process.stderr).text(), process.status]);
  let over = false;
  ended.then(() => over = true);
  process.stdout.cancel();
  const disks: Uint8Array[] = [];
  while (!over && disks.length < CUTS) {
    await new Promise((resolve) => setTimeout(resolve, random() * LONGEST_MS));
    kill(process, "SIGSTOP");
    disks.push(await diskNow(image));
    kill(process, "SIGCONT");
  }
  const [err, { code }] = await ended;
  assert.equal(code, 0, err);
  delete registry.faults.data;
  return disks;
}

testWith(
  ["a long time", "root", "mkfs.ext4", "loop devices"],
  "case 84: what is on an ext4 disk at any moment of a pull is a model, or is pulled to the end",
  async () => {
    const random = randomNumbers(seed);
    await using stage = await place();
    const image = `${stage.folder}/disk`;
    const at = `${stage.folder}/mounted`;
    await Deno.mkdir(at);
    let [cuts, kept] = [0, 0];
    for (let n = 0; n < PULLS; n++) {
      await Deno.writeFile(image, new Uint8Array(DISK));
      await runCommand("mkfs.ext4", "-q", "-F", image);
      const model = stage.model("tiny:latest", SIZE, n + 1);
      const args = ["pull", model.name, "--insecure"];
      const models = `${at}/models`;
      const disks = await mounted(
        image,
        at,
        () => cutWhile(stage, [...args, "--models-dir", models], image, random),
      );
      for (const disk of disks) {
        const copy = `${stage.folder}/copy`;
        await Deno.writeFile(copy, disk);
        await mounted(copy, at, async () => {
          for (const path of filesUnder(`${models}/.pullm`)) {
            if (!path.endsWith(".live")) continue;
            const live = `${models}/.pullm/${path}`;
            await Deno.writeFile(live, rebooted(await Deno.readFile(live)));
          }
          if (exists(models)) assertSound(models, stage);
          const dry = await succeeds(models, ...args, "--dry-run", "--output", "json");
          const { ToFetchBytes } = JSON.parse(dry.out.trimEnd().split("\n").at(-1)!);
          const fetched = await pulledAgain(models, model, args);
          assert.ok(
            fetched <= ToFetchBytes,
            `${fetched} bytes, ${ToFetchBytes} were missing, seed ${seed}`,
          );
          kept += sizeOf(model) - fetched;
          assertHas(models, model);
        });
        cuts++;
      }
    }
    console.log(`${cuts} power cuts of ext4, ${Math.round(kept / cuts)} bytes kept, seed ${seed}`);
    assert.ok(cuts >= 3 * PULLS && kept > cuts * 0.1 * SIZE);
  },
);
