import assert from "node:assert/strict";
import type { ByteSource } from "../../../src/io/streams/file_stream.ts";
import { fileSource } from "../../../src/io/streams/file_stream.ts";
import { ReadAhead } from "../../../src/io/streams/read_ahead.ts";

const MIB = 1024 * 1024;

/** A source of `bytes` that notes what it is asked for, and lets no two reads overlap. */
class Noted implements ByteSource {
  readonly reads: number[] = [];
  closed = 0;
  /** The next reads fail. */
  failures = 0;
  #reading = false;

  constructor(private readonly bytes: Uint8Array) {}

  async readAt(buffer: Uint8Array, position: number): Promise<number> {
    assert.ok(!this.#reading && this.closed === 0);
    this.#reading = true;
    this.reads.push(position);
    await Promise.resolve();
    this.#reading = false;
    if (this.failures-- > 0) throw new Error("the disk failed");
    const piece = this.bytes.subarray(position, position + buffer.length);
    buffer.set(piece);
    return piece.length;
  }

  close(): void {
    assert.ok(!this.#reading);
    this.closed++;
  }
}

function content(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8) * 13) & 255);
}

async function readAll(source: ByteSource, start: number, size: number): Promise<number[]> {
  const all: number[] = [];
  const buffer = new Uint8Array(size);
  for (let count = 1; count > 0;) {
    count = await source.readAt(buffer, start + all.length);
    for (const byte of buffer.subarray(0, count)) all.push(byte);
  }
  return all;
}

Deno.test("a range is read in large pieces, and nothing after its end", async () => {
  const bytes = content(3 * MIB);
  const source = new Noted(bytes);
  const end = 2 * MIB + 5000;
  const read = await readAll(new ReadAhead(source, end), 1000, 100_000);
  assert.deepEqual(Uint8Array.from(read), bytes.subarray(1000, end));
  assert.deepEqual(source.reads.filter((at) => at < end), [1000, MIB + 1000, 2 * MIB + 1000]);
});

Deno.test("whatever the positions, what is read is what is there", async () => {
  const bytes = content(4 * MIB + 17);
  const source = new ReadAhead(new Noted(bytes), bytes.length);
  const buffer = new Uint8Array(70_000);
  for (const at of [0, 70_000, 3 * MIB, 10, MIB - 5, MIB + 30_000, 2 * MIB, 4 * MIB, 0]) {
    const count = await source.readAt(buffer, at);
    assert.ok(count > 0);
    assert.deepEqual(buffer.subarray(0, count), bytes.subarray(at, at + count), `at ${at}`);
  }
  assert.equal(await source.readAt(buffer, bytes.length), 0);
});

Deno.test("a read ahead that fails is done again, and is told when it fails again", async () => {
  const bytes = content(3 * MIB);
  const source = new Noted(bytes);
  const ahead = new ReadAhead(source, bytes.length);
  const buffer = new Uint8Array(MIB);
  assert.equal(await ahead.readAt(buffer, 0), MIB);
  source.failures = 1;
  await ahead.readAt(buffer, MIB);
  assert.deepEqual(buffer, bytes.subarray(MIB, 2 * MIB));
  source.failures = 2;
  await assert.rejects(async () => {
    await ahead.readAt(buffer, 2 * MIB);
    await ahead.readAt(buffer, 0);
  }, /the disk failed/);
});

Deno.test("a file is closed once, after the read that is under way", async () => {
  const source = new Noted(content(3 * MIB));
  const ahead = new ReadAhead(source, 3 * MIB);
  await ahead.readAt(new Uint8Array(10), 0);
  ahead.close();
  ahead.close();
  await new Promise((done) => setTimeout(done));
  assert.equal(source.closed, 1);
});

Deno.test("a file is read at every position, also where the last read has ended", async () => {
  const path = await Deno.makeTempFile();
  const bytes = content(1000);
  await Deno.writeFile(path, bytes);
  const source = fileSource(await Deno.open(path));
  const buffer = new Uint8Array(100);
  for (const at of [0, 100, 50, 900, 0]) {
    assert.equal(await source.readAt(buffer, at), 100);
    assert.deepEqual(buffer, bytes.subarray(at, at + 100));
  }
  assert.equal(await source.readAt(buffer, 1000), 0);
  assert.equal(await source.readAt(buffer, 950), 50);
  source.close();
  await Deno.remove(path);
});
