import assert from "node:assert/strict";
import {
  type Checkpoint,
  decodeCheckpoint,
  EMPTY_CHECKPOINT,
  encodeCheckpoint,
  readCheckpoint,
} from "../../../src/store/partial/checkpoint.ts";
import { blobOf, sha256, World } from "../world.ts";

const { blob, bytes } = blobOf(300);
const DIGEST = sha256(bytes.subarray(0, 100));
const SOUND = {
  version: 2,
  tool: "pullama/test",
  digest: blob.digest,
  size: 300,
  proven: [{ start: 200, end: 250, digest: DIGEST, from: "registry" }],
  prefix: [{ end: 100, digest: DIGEST }, { end: 200, digest: DIGEST }],
  holes: [{ start: 10, end: 20 }],
  searched: 30,
};

function decode(data: unknown): Checkpoint {
  const text = typeof data === "string" ? data : JSON.stringify(data);
  return decodeCheckpoint(new TextEncoder().encode(text), blob, "c.json");
}

Deno.test("decodeCheckpoint() reads what encodeCheckpoint() wrote", () => {
  const checkpoint: Checkpoint = {
    proven: [
      { start: 200, end: 250, digest: DIGEST, from: "registry" },
      { start: 260, end: 270, from: "adopted" },
    ],
    prefix: [{ end: 100, digest: DIGEST }],
    holes: [{ start: 0, end: 1 }],
    searched: 0,
  };
  const encoded = encodeCheckpoint(blob, checkpoint, "pullama/test");
  assert.deepEqual(decodeCheckpoint(encoded, blob, "c.json"), checkpoint);
  const { version, tool, digest, size } = JSON.parse(new TextDecoder().decode(encoded));
  assert.deepEqual({ version, tool, digest, size }, {
    version: 2,
    tool: "pullama/test",
    digest: blob.digest,
    size: 300,
  });
});

Deno.test("case 85: every cut-off checkpoint reads as nothing", () => {
  const whole = JSON.stringify(SOUND);
  assert.notDeepEqual(decode(whole), EMPTY_CHECKPOINT);
  for (let length = 0; length < whole.length; length++) {
    assert.deepEqual(decode(whole.slice(0, length)), EMPTY_CHECKPOINT, `${length} bytes`);
  }
});

for (
  const [what, change] of [
    ["version 0", { version: 0 }],
    ["no version", { version: undefined }],
    ["a version in quotes", { version: "2" }],
    ["another digest", { digest: `sha256:${"0".repeat(64)}` }],
    ["another size", { size: 301 }],
    ["a prefix that goes back", {
      prefix: [{ end: 200, digest: DIGEST }, { end: 100, digest: DIGEST }],
    }],
    ["a prefix past the end", { prefix: [{ end: 301, digest: DIGEST }] }],
    ["a prefix without a digest", { prefix: [{ end: 100 }] }],
    ["a hole past the end", { holes: [{ start: 10, end: 301 }] }],
    ["a hole that ends before it begins", { holes: [{ start: 20, end: 10 }] }],
    ["a half byte", { proven: [{ start: 0.5, end: 2, digest: DIGEST, from: "registry" }] }],
    ["a negative offset", { proven: [{ start: -1, end: 2, digest: DIGEST, from: "registry" }] }],
    ["an unknown origin", { proven: [{ start: 0, end: 2, digest: DIGEST, from: "heaven" }] }],
  ] as const
) {
  Deno.test(`case 85: a checkpoint with ${what} reads as nothing`, () => {
    assert.deepEqual(decode({ ...SOUND, ...change }), EMPTY_CHECKPOINT);
  });
}

for (const text of ["null", "[]", "3", '"x"', "{}", "\u0000\u0000\u0000", "<html>"]) {
  Deno.test(`case 85: ${JSON.stringify(text)} reads as nothing`, () => {
    assert.deepEqual(decode(text), EMPTY_CHECKPOINT);
  });
}

Deno.test("decodeCheckpoint() leaves out a claim past the end, and keeps the others", () => {
  const outside = { start: 290, end: 301, digest: DIGEST, from: "registry" };
  assert.deepEqual(decode({ ...SOUND, proven: [outside, ...SOUND.proven] }).proven, SOUND.proven);
});

Deno.test("decodeCheckpoint() doubts a range of the registry that has no digest", () => {
  const { proven } = decode({ ...SOUND, proven: [{ start: 200, end: 210, from: "registry" }] });
  assert.deepEqual(proven, [{ start: 200, end: 210, from: "live" }]);
});

const many = (count: number, range: (i: number) => object) =>
  Array.from({ length: count }, (_, i) => range(i));
for (
  const [what, change] of [
    ["claims that are hashed three times", {
      proven: many(3, () => ({ start: 0, end: 300, digest: DIGEST, from: "registry" })),
    }],
    ["such claims, and one that ends before it begins", {
      proven: [
        { start: 900, end: 0, digest: DIGEST, from: "registry" },
        ...many(3, () => ({ start: 0, end: 300, digest: DIGEST, from: "registry" })),
      ],
    }],
  ] as const
) {
  Deno.test(`case 85: a checkpoint with ${what} reads as nothing: to resume would take too long`, () => {
    assert.deepEqual(decode({ ...SOUND, ...change }), EMPTY_CHECKPOINT);
  });
}

Deno.test("case 85: of a checkpoint with 100,000 claims those that touch are one, and are doubted", () => {
  const claims = many(100_000, (i) => ({
    start: i % 300,
    end: i % 300 + 1,
    digest: DIGEST,
    from: "registry",
  }));
  const { proven, prefix } = decode({ ...SOUND, proven: claims });
  assert.deepEqual(proven, [{ start: 0, end: 300, from: "live" }]);
  assert.deepEqual(prefix, SOUND.prefix);
});

Deno.test("case 85: a checkpoint with 100,000 holes that do not touch reads as nothing", () => {
  const size = 1_000_000;
  const large = { ...blob, size };
  const read = (holes: readonly object[]) => {
    const text = JSON.stringify({ ...SOUND, size, holes });
    return decodeCheckpoint(new TextEncoder().encode(text), large, "c.json");
  };
  assert.deepEqual(
    read(many(100_000, (i) => ({ start: 2 * i, end: 2 * i + 1 }))),
    EMPTY_CHECKPOINT,
  );
  // A disk that cannot be read leaves one after another.
  assert.deepEqual(read(many(100_000, (i) => ({ start: i, end: i + 1 }))).holes, [
    { start: 0, end: 100_000 },
  ]);
});

Deno.test("decodeCheckpoint() stops at a checkpoint of a newer version and says so", () => {
  assert.throws(() => decode({ version: 3 }), { kind: "local", message: /c\.json.*newer pullama/ });
});

Deno.test("readCheckpoint() of no file is nothing, of an unreadable one an error", async () => {
  await using world = await World.make();
  assert.deepEqual(await readCheckpoint(`${world.root}/none`, blob), EMPTY_CHECKPOINT);
  await assert.rejects(readCheckpoint(world.models, blob), { kind: "local" });
});
