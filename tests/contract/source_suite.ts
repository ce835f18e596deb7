/** What every source of models has to do: one suite for the registry, a models folder, and memory. */

import assert from "node:assert/strict";
import type { Source } from "../../src/core/content.ts";
import type { Descriptor, Manifest } from "../../src/core/manifest.ts";
import { type ModelName, parseName } from "../../src/core/name.ts";
import type { Range } from "../../src/core/ranges.ts";
import { byteReader } from "../../src/io/byte_reader.ts";
import { noise, wholeOf } from "../fakes/content.ts";
import { sha256 } from "./memory_source.ts";

/** A source that has one model. */
export interface SourceWorld extends AsyncDisposable {
  readonly source: Source;
  readonly name: ModelName;
  readonly manifest: Manifest;
  /** The largest blob of the model, which are the bytes of `LAYER`. */
  readonly blob: Descriptor;
}

/** The layer that the model of every world has. */
export const LAYER: Uint8Array = wholeOf(noise(1_500_000));

const never = () => new AbortController().signal;

/** Reads a stream as the engine does, into buffers of its own. */
async function read(stream: ReadableStream<Uint8Array>, size = 100_000): Promise<Uint8Array> {
  const reader = byteReader(stream);
  const pieces: Uint8Array[] = [];
  try {
    for (;;) {
      const { value, done } = await reader.read(new Uint8Array(size));
      if (value) pieces.push(value.slice());
      if (done) break;
    }
  } finally {
    await reader.cancel();
  }
  return new Uint8Array(await new Blob(pieces as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}

export function sourceSuite(what: string, make: () => Promise<SourceWorld>): void {
  const test = (title: string, act: (world: SourceWorld) => Promise<void>) =>
    Deno.test(`${what}: ${title}`, async () => {
      await using world = await make();
      await act(world);
    });

  test("manifest() gives the bytes as they are stored", async ({ source, name, manifest }) => {
    const got = await source.manifest(name, never());
    assert.deepEqual(got.bytes, manifest.bytes);
    assert.equal(got.digest, sha256(got.bytes));
    assert.deepEqual(got.layers, manifest.layers);
  });

  test("manifest() of a pinned name gives that manifest, or names both", async (world) => {
    const { source, name, manifest } = world;
    const { digest } = await source.manifest({ ...name, digest: manifest.digest }, never());
    assert.equal(digest, manifest.digest);
    const wanted = sha256(new Uint8Array());
    await assert.rejects(source.manifest({ ...name, digest: wanted }, never()), {
      kind: "moved",
      message: `the tag now has the manifest ${manifest.digest}, not ${wanted}`,
    });
  });

  test("manifest() of an unknown model is not_found", async ({ source, name }) => {
    const unknown = { ...name, model: "unknown" };
    await assert.rejects(source.manifest(unknown, never()), { kind: "not_found" });
  });

  test("manifest() rejects when it is aborted", async ({ source, name }) => {
    const reason = new Error("enough");
    await assert.rejects(source.manifest(name, AbortSignal.abort(reason)));
  });

  const ranges: Range[] = [
    { start: 0, end: LAYER.length },
    { start: 0, end: 1 },
    { start: 1, end: 65_537 },
    { start: 777_777, end: 1_000_000 },
    { start: LAYER.length - 1, end: LAYER.length },
  ];
  for (const range of ranges) {
    test(`open() gives the bytes from ${range.start} to ${range.end}`, async (world) => {
      const body = await world.source.open(world.name, world.blob, range, never());
      const bytes = await read(body.stream);
      assert.deepEqual(bytes, LAYER.slice(body.range.start, body.range.end));
      // A source without ranges gives all; any other gives what was asked for.
      assert.deepEqual(body.range, body.ranged ? range : { start: 0, end: LAYER.length });
    });
  }

  test("open() of a blob that is missing fails", async ({ source, name, blob }) => {
    const other = { ...blob, digest: sha256(new Uint8Array(3)) };
    const range = { start: 0, end: 10 };
    await assert.rejects(source.open(name, other, range, never()), { kind: "not_found" });
  });

  test("open() gives many ranges at the same time", async ({ source, name, blob }) => {
    const starts = Array.from({ length: 12 }, (_, k) => k * 100_000);
    const all = await Promise.all(starts.map(async (start) => {
      const range = { start, end: start + 100_000 };
      return await read((await source.open(name, blob, range, never())).stream, 7_777);
    }));
    all.forEach((bytes, k) => {
      assert.deepEqual(bytes, LAYER.slice(starts[k], starts[k]! + 100_000));
    });
  });

  test("open() rejects when it is aborted before", async ({ source, name, blob }) => {
    const signal = AbortSignal.abort(new Error("enough"));
    await assert.rejects(source.open(name, blob, { start: 0, end: 10 }, signal));
  });

  test("a body ends when its signal is aborted", async ({ source, name, blob }) => {
    const stop = new AbortController();
    const body = await source.open(name, blob, { start: 0, end: LAYER.length }, stop.signal);
    const reader = byteReader(body.stream);
    assert.ok((await reader.read(new Uint8Array(1000))).value!.length > 0);
    stop.abort(new Error("enough"));
    // What was buffered may still come; then it ends, by an error or not.
    let bytes = 1000;
    try {
      for (;;) {
        const { value, done } = await reader.read(new Uint8Array(65_536));
        bytes += value?.length ?? 0;
        if (done) break;
      }
    } catch {
      // As it should.
    }
    assert.ok(bytes <= LAYER.length);
    await reader.cancel();
  });

  test("a body may be cancelled in the middle", async ({ source, name, blob }) => {
    const body = await source.open(name, blob, { start: 0, end: LAYER.length }, never());
    const reader = byteReader(body.stream);
    await reader.read(new Uint8Array(1000));
    await reader.cancel();
  });

  test("chunksums() gives chunks that tile the blob, or none", async ({ source, name, blob }) => {
    const chunks = await source.chunksums(name, blob, never());
    if (chunks === undefined) return;
    let at = 0;
    for (const { start, end, digest } of chunks) {
      assert.equal(start, at);
      assert.equal(digest, sha256(LAYER.subarray(start, end)));
      at = end;
    }
    assert.equal(at, blob.size);
  });

  test("open() works after forgetAddress()", async ({ source, name, blob }) => {
    const range = { start: 5, end: 50 };
    await read((await source.open(name, blob, range, never())).stream);
    source.forgetAddress(name, blob);
    const body = await source.open(name, blob, range, never());
    assert.deepEqual(await read(body.stream), LAYER.slice(body.range.start, body.range.end));
  });
}

/** The name of the model in worlds that may choose it. */
export const NAME: ModelName = parseName("suite");
