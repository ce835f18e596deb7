import assert from "node:assert/strict";
import {
  type Checkpoint,
  decodeCheckpoint,
  EMPTY_CHECKPOINT,
} from "../../../src/store/partial/checkpoint.ts";
import { blobOf, sha256 } from "../world.ts";

const { blob, bytes } = blobOf(300);
const FIRST = sha256(bytes.subarray(0, 100));
const SECOND = sha256(bytes.subarray(100, 200));

function decode(chunks: string): Checkpoint {
  const text = `{"version":1,"digest":"${blob.digest}","size":300,"chunks":${chunks}}`;
  return decodeCheckpoint(new TextEncoder().encode(text), blob, "c.json");
}

function chunk(start: number, end: number, verified: boolean, digest?: string): string {
  const expected = digest === undefined ? "" : `"expected_digest":"${digest}",`;
  return `{"start":${start},"end":${end},${expected}"verified":${verified}}`;
}

Deno.test("decodeCheckpoint() takes the verified chunks of version 1, ends inclusive", () => {
  const read = decode(
    `[${chunk(0, 99, true, FIRST)},${chunk(100, 199, true, SECOND)},${chunk(200, 299, false)}]`,
  );
  assert.deepEqual(read, {
    proven: [
      { start: 0, end: 100, digest: FIRST, from: "registry" },
      { start: 100, end: 200, digest: SECOND, from: "registry" },
    ],
    prefix: [],
    holes: [],
    searched: 0,
    old: true,
  });
});

Deno.test("decodeCheckpoint() doubts a chunk of version 1 without a digest", () => {
  const { proven } = decode(`[${chunk(0, 299, true)}]`);
  assert.deepEqual(proven, [{ start: 0, end: 300, from: "adopted" }]);
});

Deno.test("decodeCheckpoint() reads version 1 without chunks as no progress", () => {
  for (const none of ["null", "[]"]) {
    assert.deepEqual(decode(none), { ...EMPTY_CHECKPOINT, old: true });
  }
});

Deno.test("case 85: of a verified chunk after one that is not, version 1 keeps nothing", () => {
  const { proven } = decode(
    `[${chunk(0, 99, true, FIRST)},${chunk(100, 199, false)},${chunk(200, 299, true, SECOND)}]`,
  );
  assert.deepEqual(proven, [{ start: 0, end: 100, digest: FIRST, from: "registry" }]);
});

for (
  const [what, chunks] of [
    ["a hole", `[${chunk(0, 99, true)},${chunk(101, 299, true)}]`],
    ["an overlap", `[${chunk(0, 99, true)},${chunk(99, 299, true)}]`],
    ["a first chunk that is not the first", `[${chunk(1, 299, true)}]`],
    ["a last chunk that ends early", `[${chunk(0, 298, true)}]`],
    ["a last chunk that ends late", `[${chunk(0, 300, true)}]`],
    ["a chunk backwards", `[${chunk(0, 299, true)},${chunk(300, 299, true)}]`],
    ["the plan of nothing", `[${chunk(0, -1, false)}]`],
    ["a broken digest", `[${chunk(0, 299, true, "sha256:xyz")}]`],
    ["chunks that are no list", `{}`],
  ]
) {
  Deno.test(`case 85: version 1 with ${what} reads as nothing`, () => {
    assert.deepEqual(decode(chunks!), EMPTY_CHECKPOINT);
  });
}
