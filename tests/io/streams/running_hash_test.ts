import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { RunningHash } from "../../../src/io/streams/running_hash.ts";

const MIB = 1 << 20;

Deno.test("a hash that goes back and forward again is that of the bytes in order", () => {
  const bytes = crypto.getRandomValues(new Uint8Array(65_536));
  const all = new Uint8Array(5 * MIB);
  for (let at = 0; at < all.length; at += bytes.length) all.set(bytes, at);
  const hash = new RunningHash();
  const upTo = (end: number) => {
    for (let at = hash.position; at < end; at = hash.position) {
      hash.update(all.subarray(at, Math.min(end, at + 300_000)));
    }
  };
  for (
    const [forward, back] of [[MIB, 0], [3 * MIB + 5, 2 * MIB], [4 * MIB, 4 * MIB - 1]] as const
  ) {
    upTo(forward);
    hash.mark();
    hash.settle(back);
    hash.rewind(back);
    assert.ok(hash.position <= back && back - hash.position < MIB + 300_000, `${hash.position}`);
  }
  upTo(all.length);
  assert.equal(hash.digest(), `sha256:${createHash("sha256").update(all).digest("hex")}`);
  hash.rewind(0);
  assert.equal(hash.position, 0);
});
