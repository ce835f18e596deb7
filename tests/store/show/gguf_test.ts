import assert from "node:assert/strict";
import fc from "fast-check";
import { type GgufHeader, readGguf, readGgufFile } from "../../../src/store/show/gguf.ts";
import type { ByteSource } from "../../../src/store/show/gguf_reader.ts";
import { wholeOf } from "../../fakes/content.ts";
import { gguf } from "../../fakes/gguf.ts";
import { GgufWriter } from "./gguf_writer.ts";
import { PullamaError } from "../../../src/core/errors.ts";

const MIB = 2 ** 20;

/** A file in memory that counts the bytes read. */
interface Counted extends ByteSource {
  /** Number of bytes read, and the highest offset after them. */
  bytes: number;
  end: number;
}

/** `step`: maximum bytes per read, as from a slow device. */
function counted(file: Uint8Array, step = Infinity): Counted {
  return {
    bytes: 0,
    end: 0,
    read(at, into) {
      const count = Math.max(0, Math.min(into.length, file.length - at, step));
      into.set(file.subarray(at, at + count));
      this.bytes += count;
      this.end = Math.max(this.end, at + count);
      return Promise.resolve(count);
    },
  };
}

function read(file: Uint8Array, tensors = true): Promise<GgufHeader | undefined> {
  return readGguf(counted(file), { tensors });
}

/** The values read from a file, and the fault. */
async function parts(file: GgufWriter): Promise<[Record<string, unknown>, string | undefined]> {
  const header = await read(file.bytes);
  return [Object.fromEntries(header!.values), header!.fault];
}

Deno.test("readGguf() reads the metadata and the parameter count of a complete model", async () => {
  const file = wholeOf(gguf(0, 1, "tiny"));
  const header = await read(file);
  assert.equal(header?.fault, undefined);
  assert.equal(header?.version, 3);
  assert.equal(header.values.get("general.architecture"), "llama");
  assert.equal(header.values.get("llama.context_length"), 128);
  assert.equal(header.values.has("tokenizer.ggml.tokens"), false);
  assert.ok(
    Math.abs(Number(header.values.get("llama.attention.layer_norm_rms_epsilon")) - 1e-5) < 1e-9,
  );
  assert.ok(header.parameterCount! > 20_000);
});

Deno.test("readGguf() does not read tensor entries unless asked to", async () => {
  const file = counted(wholeOf(gguf(0, 1, "tiny")));
  const header = await readGguf(file, { tensors: false });
  assert.deepEqual([header?.parameterCount, header?.fault], [undefined, undefined]);
});

Deno.test("readGguf() reads every type of value", async () => {
  const file = GgufWriter.header(13)
    .key("u8", 0).raw(200)
    .key("i8", 1).raw(200)
    .key("u16", 2).raw(0xff, 0xff)
    .key("i16", 3).raw(0xff, 0xff)
    .key("u32", 4).u32(4_000_000_000)
    .key("i32", 5).u32(4_294_967_295)
    .key("bool", 7).raw(1)
    .key("text", 8).text("häh")
    .key("list", 9).u32(8).u64(2).text("a").text("b")
    .key("u64", 10).u64(2n ** 53n - 1n)
    .key("i64", 11).u64(2n ** 64n - 5n)
    .key("big", 10).u64(2n ** 64n - 1n)
    .key("f64", 12).f64(0.1);
  assert.deepEqual(await parts(file), [{
    u8: 200,
    i8: -56,
    u16: 65535,
    i16: -1,
    u32: 4_000_000_000,
    i32: -1,
    bool: true,
    text: "häh",
    u64: 2 ** 53 - 1,
    i64: -5,
    big: 2n ** 64n - 1n,
    f64: 0.1,
  }, undefined]);
});

Deno.test("readGguf() reads versions 1 to 3, and big-endian files of either kind", async () => {
  for (const version of [1, 2, 3]) {
    for (const little of [true, false]) {
      const file = GgufWriter.header(2, { little, version, tensors: 2 })
        .key("a", 9).u32(8).count(2).text("x").text("yy")
        .key("b", 4).u32(7)
        .tensor("t", 10, 20).tensor("s", 3).bytes;
      const swapped = new Uint8Array(file);
      swapped.set(new TextEncoder().encode("FUGG"));
      for (const bytes of little ? [file] : [file, swapped]) {
        const header = await read(bytes);
        assert.deepEqual(header && [header.version, header.values.get("b"), header.fault], [
          version,
          7,
          undefined,
        ]);
        assert.equal(header!.parameterCount, 203);
      }
    }
  }
});

Deno.test("readGguf() is undefined for anything but a GGUF file", async () => {
  const others = ["", "GG", "GGUF", "GGML0000000000000000", "PK\x03\x04", "<!doctype html><html>"];
  for (const text of others) {
    assert.equal(await read(new TextEncoder().encode(text)), undefined, text);
  }
});

Deno.test("readGguf() keeps the values before an error", async () => {
  const begun = () => GgufWriter.header(2).key("a", 4).u32(1);
  const cases: readonly (readonly [GgufWriter, RegExp])[] = [
    [begun(), /^unexpected end of file$/],
    [begun().key("b", 8).u64(2n ** 63n), /longer than/],
    [begun().key("b", 8).u64(1_000_000).letters("short"), /end of file/],
    [begun().u64(2n ** 64n - 1n), /longer than/],
    [begun().u64(70_000), /key too long/],
    [begun().key("b", 9).u32(4).u64(2n ** 62n), /longer than/],
    [begun().key("b", 9).u32(8).u64(2n ** 62n), /end of file/],
    [begun().key("b", 9).u32(9).u64(1), /unsupported array type 9/],
    [begun().key("b", 9).u32(77).u64(1), /unsupported array type 77/],
    [begun().key("b", 13), /unknown metadata type 13/],
    [begun().key("b", 4_294_967_295), /unknown metadata type/],
  ];
  for (const [file, fault] of cases) {
    const [values, said] = await parts(file);
    assert.deepEqual(values, { a: 1 });
    assert.match(said!, fault);
  }
});

Deno.test("readGguf() does not trust the number of values, tensors or dimensions", async () => {
  const values = await read(GgufWriter.header(2 ** 40).bytes);
  assert.match(values!.fault!, /too many metadata values: 1099511627776/);
  const tensors = await read(GgufWriter.header(0, { tensors: 2 ** 50 }).tensor("t", 2).bytes);
  assert.match(tensors!.fault!, /end of file/);
  assert.equal(tensors!.parameterCount, undefined);
  const flat = await read(GgufWriter.header(0, { tensors: 1 }).tensor("t", 1, 1, 1, 1, 1).bytes);
  assert.match(flat!.fault!, /dimensions: 5/);
  const huge = await read(GgufWriter.header(0, { tensors: 1 }).tensor("t", 2 ** 52, 2 ** 52).bytes);
  assert.deepEqual([huge!.parameterCount, huge!.fault], [undefined, undefined]);
});

Deno.test("readGguf() rejects unknown versions", async () => {
  for (const version of [0, 4, 0x0180_0000, 0xffff_ffff]) {
    const header = await read(new GgufWriter().letters("GGUF").u32(version).u64(0).u64(0).bytes);
    assert.match(header!.fault!, /unsupported GGUF version \d+/);
  }
});

Deno.test("readGguf() skips a string of more than 1 MiB, and continues after it", async () => {
  const long = "x".repeat(MIB + 1);
  const head = GgufWriter.header(2).key("long", 8).u64(long.length).bytes;
  const tail = new GgufWriter().key("b", 4).u32(1).bytes;
  const file = new Uint8Array([...head, ...new TextEncoder().encode(long), ...tail]);
  const header = await read(file);
  assert.deepEqual([...header!.values], [["b", 1]]);
});

Deno.test("readGguf() reads a string that arrives in pieces", async () => {
  const text = "ü漢🦙".repeat(20_000);
  const file = GgufWriter.header(1).key("tokenizer.chat_template", 8).text(text).bytes;
  const header = await readGguf(counted(file, 1_021), { tensors: false });
  assert.equal(header!.values.get("tokenizer.chat_template"), text);
});

Deno.test("readGguf() stops at its limit, and does not read what it skips", async () => {
  const words = new GgufWriter();
  for (let i = 0; i < 50_000; i++) words.text(`word ${i}`);
  const head = GgufWriter.header(2).key("words", 9).u32(8).u64(50_000).bytes;
  const file = counted(new Uint8Array([...head, ...words.bytes]));
  const header = await readGguf(file, { limit: 100_000, tensors: true });
  assert.match(header!.fault!, /longer than 100000 bytes/);
  assert.ok(file.end <= 100_000 && file.bytes <= 100_000);

  const numbers = GgufWriter.header(2).key("scores", 9).u32(6).u64(5 * MIB).bytes;
  const big = new Uint8Array(21 * MIB);
  big.set(numbers);
  big.set(new GgufWriter().key("b", 4).u32(9).bytes, numbers.length + 20 * MIB);
  const skipped = counted(big);
  const found = await readGguf(skipped, { tensors: false });
  assert.deepEqual([found!.values.get("b"), found!.fault], [9, undefined]);
  assert.ok(skipped.bytes < MIB, String(skipped.bytes));
});

Deno.test("readGguf() accepts any input, and never reads a byte twice or beyond its limit", async () => {
  const bytes = fc.uint8Array({ maxLength: 400 });
  const anyHeader = fc.tuple(
    fc.constantFrom("GGUF", "FUGG"),
    fc.constantFrom([1, 0, 0, 0], [2, 0, 0, 0], [3, 0, 0, 0], [0, 0, 0, 3], [9, 9, 9, 9]),
    fc.uint8Array({ minLength: 1, maxLength: 4 }),
    bytes,
  ).map(([magic, version, counts, rest]) =>
    new Uint8Array([
      ...new TextEncoder().encode(magic),
      ...version,
      ...[...counts, 0, 0, 0, 0, 0, 0, 0].slice(0, 8),
      ...rest,
    ])
  );
  const good = wholeOf(gguf(0, 1, "tiny")).slice(0, 20_000);
  const damaged = fc.array(fc.tuple(fc.nat(12_000), fc.integer({ min: 0, max: 255 })), {
    maxLength: 8,
  }).map((hits) => {
    const file = good.slice();
    for (const [at, value] of hits) file[at] = value;
    return file;
  });
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(bytes, anyHeader, damaged),
      fc.integer({ min: 1, max: 20_000 }),
      fc.integer({ min: 1, max: 5_000 }),
      fc.boolean(),
      async (file, limit, step, tensors) => {
        const source = counted(file, step);
        const header = await readGguf(source, { limit, tensors });
        assert.ok(source.bytes <= limit && source.end <= limit);
        if (header?.parameterCount !== undefined) {
          assert.ok(Number.isSafeInteger(header.parameterCount) && header.parameterCount >= 0);
        }
        for (const [key, value] of header?.values ?? []) {
          assert.ok(key.length <= file.length && String(value).length <= file.length + 400);
        }
      },
    ),
    { numRuns: 1_000 },
  );
});

Deno.test("readGgufFile() reads a file, and rejects with the path if it cannot", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, wholeOf(gguf(0, 1, "tiny")));
    const header = await readGgufFile(path, { tensors: true });
    assert.equal(header!.values.get("general.name"), "tiny");
  } finally {
    await Deno.remove(path);
  }
  await assert.rejects(
    readGgufFile(path, { tensors: true }),
    (error) =>
      error instanceof PullamaError && error.kind === "local" && error.message.includes(path),
  );
});
