import assert from "node:assert/strict";
import fc from "fast-check";
import { PullamaError } from "../../src/core/errors.ts";
import type { ByteReader } from "../../src/io/byte_reader.ts";
import { BodyReader, ConnectionBuffers, WriteBuffer } from "../../src/transfer/traffic/buffers.ts";
import type { Writer } from "../../src/core/content.ts";
import { noise } from "../fakes/content.ts";

const CONTENT = noise(3 << 20, 9);

/** A writer that keeps what it gets, after a turn; it fails at the write of this number. */
function memory(failAt = Infinity) {
  const kept: Uint8Array[] = [];
  let writing = false;
  let writes = 0;
  const writer: Writer & { all: () => Uint8Array } = {
    get position() {
      return kept.reduce((sum, piece) => sum + piece.length, 0);
    },
    async write(bytes) {
      assert.ok(!writing, "two writes at a time");
      writing = true;
      await new Promise((resolve) => setTimeout(resolve));
      writing = false;
      if (++writes >= failAt) throw new PullamaError("disk_full", "no room");
      kept.push(bytes.slice());
    },
    close() {},
    all: () => joined(kept),
  };
  return writer;
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

Deno.test("WriteBuffer writes every byte that it is given, in order, also when the reader breaks", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 150_000 }), { maxLength: 20 }),
      fc.nat(250),
      async (pieces, tick) => {
        const writer = memory();
        let now = 0;
        let told = 0;
        const buffer = new WriteBuffer(
          writer,
          () => now,
          (count) => told += count,
          new ConnectionBuffers(),
        );
        let at = 0;
        for (const length of pieces) {
          const piece = CONTENT.read(at, length).slice();
          await buffer.add(piece);
          // The memory of a piece belongs to its reader again.
          piece.fill(0);
          at += length;
          now += tick;
        }
        await buffer.flush();
        assert.deepEqual(writer.all(), CONTENT.read(0, at));
        assert.equal(told, at);
      },
    ),
    { numRuns: 40 },
  );
});

Deno.test("WriteBuffer writes bytes of a slow network after a short wait", async () => {
  const writer = memory();
  let now = 0;
  const buffer = new WriteBuffer(writer, () => now, () => {}, new ConnectionBuffers());
  await buffer.add(new Uint8Array(10));
  now += 1000;
  await buffer.add(new Uint8Array(10));
  await buffer.flush();
  assert.equal(writer.position, 20);
});

Deno.test("WriteBuffer fails with the failure of a write, and counts only what was written", async () => {
  const writer = memory(2);
  let told = 0;
  const buffer = new WriteBuffer(
    writer,
    () => 0,
    (count) => told += count,
    new ConnectionBuffers(),
  );
  await assert.rejects(async () => {
    for (let k = 0; k < 20; k++) await buffer.add(CONTENT.read(k * 100_000, 100_000));
  }, { kind: "disk_full" });
  await assert.rejects(buffer.flush(), { kind: "disk_full" });
  assert.equal(told, writer.position);
  assert.deepEqual(writer.all(), CONTENT.read(0, writer.position));
});

/** A reader of the first `size` bytes, in pieces; `ending` is how it ends. */
function pieces(size: number, ending: "done" | Error = "done"): ByteReader {
  let at = 0;
  return {
    read(buffer) {
      const count = Math.min(buffer.length, 10_000, size - at);
      if (count === 0) {
        if (ending !== "done") return Promise.reject(ending);
        return Promise.resolve({ value: undefined, done: true });
      }
      buffer.set(CONTENT.read(at, count));
      at += count;
      return Promise.resolve({ value: buffer.subarray(0, count), done: false });
    },
    cancel: () => Promise.resolve(),
  };
}

Deno.test("BodyReader gives at most what is asked for, skips to a position, and counts", async () => {
  let arrived = 0;
  const reader = new BodyReader(
    pieces(50_000),
    { start: 1000, end: 51_000 },
    (n) => arrived += n,
    new ConnectionBuffers(),
  );
  assert.equal((await reader.next(7))!.length, 7);
  assert.equal(reader.position, 1007);
  assert.ok(await reader.skipTo(30_000));
  const [byte] = (await reader.next(1))!;
  assert.equal(byte, CONTENT.read(29_000, 1)[0]);
  assert.equal(await reader.skipTo(60_000), false);
  assert.equal(reader.position, 51_000);
  assert.equal(await reader.next(1), undefined);
  assert.equal(arrived, 50_000);
});

Deno.test("BodyReader says that the connection was lost, and passes on why it was ended", async () => {
  const range = { start: 0, end: 100 };
  const broken = new BodyReader(
    pieces(10, new TypeError("error reading a body")),
    range,
    () => {},
    new ConnectionBuffers(),
  );
  await broken.next(10);
  await assert.rejects(broken.next(1), { kind: "network" });
  const ended = new BodyReader(
    pieces(0, new PullamaError("interrupted", "x")),
    range,
    () => {},
    new ConnectionBuffers(),
  );
  await assert.rejects(ended.next(1), { kind: "interrupted" });
});

Deno.test("ConnectionBuffers serve one range after another: 64 connections do not allocate anew for each", async () => {
  const buffers = new ConnectionBuffers();
  const [first, second] = buffers.forWrites();
  const writer = memory();
  const buffer = new WriteBuffer(writer, () => 0, () => {}, buffers);
  await buffer.add(CONTENT.read(0, 1_000_000).slice());
  await buffer.flush();
  assert.deepEqual(writer.all(), CONTENT.read(0, 1_000_000));
  assert.deepEqual(
    buffers.forWrites().map(({ buffer }) => buffer),
    [first, second].map((b) => b.buffer),
  );
});
