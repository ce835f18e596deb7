import assert from "node:assert/strict";
import { partsOf } from "../../src/store/partial/adopt/ollama.ts";
import { type Content, wholeOf } from "../fakes/content.ts";
import { makeModel } from "../fakes/model.ts";
import { count, takenOver, world } from "./world.ts";

/** Two parts, of 100 MB and of the rest. */
const SIZE = 130_000_000;
/** Bytes that are there of each part. */
const THERE = [60_000_000, 9_000_001];
/** The last block of each part is not believed, and connections receive a little more than they were asked for. */
const SLACK = 512 * 1024;

Deno.test("case 99: a pull continues each part of what ollama pull has left", async () => {
  await using place = await world();
  const files = makeModel({ size: SIZE });
  const bytes = wholeOf(files.layers[0]!.content as Content);
  const model = place.registry.add("library/tiny:latest", files);
  const { digest, size } = model.layers[0]!;
  const partial = `${place.blob(digest)}-partial`;
  Deno.mkdirSync(`${place.models}/blobs`, { recursive: true });
  {
    using file = Deno.openSync(partial, { write: true, create: true });
    file.truncateSync(size);
    for (const [n, { start, end }] of partsOf(size).entries()) {
      file.seekSync(start, Deno.SeekMode.Start);
      for (let at = start; at < start + THERE[n]!;) {
        at += file.writeSync(bytes.subarray(at, start + THERE[n]!));
      }
      // After a kill all that was running says that nothing is there.
      const record = { N: n, Offset: start, Size: end - start, Completed: 0 };
      Deno.writeTextFileSync(`${partial}-${n}`, `${JSON.stringify(record)}\n`);
    }
  }
  const then = Date.now() / 1000 - 3600;
  Deno.utimeSync(partial, then, then);
  const pull = await place.pull(model.name);
  place.assertInstalled(model);
  assert.equal(count(pull, "retry"), 0);
  const missing = size - THERE.reduce((sum, data) => sum + data, 0);
  const served = place.registry.served(digest);
  const most = missing + SLACK + takenOver(pull);
  assert.ok(served >= missing && served <= most, `${served} instead of ${missing}`);
  const names = [...Deno.readDirSync(`${place.models}/blobs`)].map(({ name }) => name);
  assert.deepEqual(names.filter((name) => name.includes("partial")), []);
});
