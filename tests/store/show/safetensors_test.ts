import assert from "node:assert/strict";
import { readTensors } from "../../../src/store/show/safetensors.ts";
import { World } from "../world.ts";
import { safetensors, tensor } from "./safetensors_writer.ts";

Deno.test("a tensor of more elements than can be counted is reported", async () => {
  await using world = await World.make();
  const path = `${world.root}/tensor`;
  const sides = Array<number>(200).fill(64);
  for (const shape of [sides, [...sides, 0], [2 ** 30, 2 ** 30]]) {
    await Deno.writeFile(path, safetensors(JSON.stringify({ a: tensor("F32", ...shape) })));
    await assert.rejects(readTensors(path), /cannot read the header of .*: invalid tensor shape/);
  }
});
