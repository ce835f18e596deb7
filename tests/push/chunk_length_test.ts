import assert from "node:assert/strict";
import { PullamaError } from "../../src/core/errors.ts";
import { ChunkLength } from "../../src/push/chunk_length.ts";

const MIB = 1 << 20;

Deno.test("requests get as long as a second or two can take, up to the limit", () => {
  const fast = new ChunkLength(64 * MIB);
  const lengths: number[] = [];
  for (let k = 0; k < 5; k++) {
    lengths.push(fast.bytes / MIB);
    fast.took(fast.bytes, fast.bytes / (100 * MIB) * 1000);
  }
  assert.deepEqual(lengths, [4, 8, 16, 32, 64]);
  const slow = new ChunkLength(64 * MIB);
  slow.took(slow.bytes, 80_000);
  assert.equal(slow.bytes, MIB / 2);
  slow.took(MIB / 2, 250);
  assert.equal(slow.bytes, MIB);
  for (let k = 0; k < 6; k++) slow.failed(new PullamaError("network", "connection lost"));
  assert.equal(slow.bytes, MIB / 16);
  slow.took(MIB / 16, 10);
  assert.equal(slow.bytes, MIB / 8);
  assert.equal(new ChunkLength(MIB / 16).bytes, MIB / 16);
});

Deno.test("with a limit no request takes longer than a second or two, or has the fewest bytes", () => {
  for (const [rate, bytes] of [[200_000, 300_000], [2000, MIB / 16]] as const) {
    const length = new ChunkLength(64 * MIB, rate);
    for (let k = 0; k < 4; k++) {
      assert.equal(length.bytes, bytes);
      length.took(bytes, bytes / rate * 1000);
    }
  }
});
