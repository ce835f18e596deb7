import assert from "node:assert/strict";
import { type Digest, digestOf } from "../../src/core/digest.ts";
import type { Range } from "../../src/core/ranges.ts";
import { RepairRounds } from "../../src/transfer/repair/repair_rounds.ts";
import type { Fault } from "../fakes/faults.ts";
import { makeModel } from "../fakes/model.ts";
import type { LoggedRequest } from "../fakes/wire.ts";
import { chunkList, withList } from "./chunk_lists.ts";
import { count, MIB, type Pull, takenOver, type World, world } from "./world.ts";

const CHUNK = 4 * MIB;
const SIZE = 20 * MIB;

/** Flips the byte at each offset in the answers that hold it, as often as it says: `[offset, times]`. */
function flips(place: World, digest: string, ...wrong: [offset: number, copies: number[]][]): void {
  const seen = new Map<number, number>();
  place.registry.faults.data = ({ path, range }) => {
    if (!path.endsWith(digest) || !range) return undefined;
    for (const [offset, copies] of wrong) {
      if (offset < range.start || offset >= range.end) continue;
      const copy = (seen.get(offset) ?? 0) + 1;
      seen.set(offset, copy);
      if (copies.includes(copy)) return { flipAt: offset };
    }
    return undefined;
  };
}

/** Asserts how many bytes of the blob were sent. */
function assertServed(place: World, digest: Digest, bytes: number, pull: Pull): void {
  const more = place.registry.served(digest) - bytes;
  assert.ok(more >= 0 && more <= takenOver(pull), `${more} bytes more than ${bytes} were sent`);
}

/** The ranges of the blob that were asked for, in order. */
function asked(place: World, digest: string): Range[] {
  return place.registry.requests.filter(({ path }) => path.endsWith(digest))
    .flatMap(({ range }) => range ?? []);
}

Deno.test("case 60: without digests of chunks, ranges are compared one by one until the blob is right", async () => {
  await using place = await world();
  const model = place.tiny(SIZE);
  const { digest, size } = model.weights;
  flips(place, digest, [9 * MIB, [1]]);
  const pull = await place.pull(model.name);
  place.assertInstalled(model);
  // The two chunks before the wrong one, and the wrong one; nothing after it.
  assertServed(place, digest, size + 3 * CHUNK, pull);
  assert.deepEqual(asked(place, digest).slice(-3).map(({ start }) => start), [0, CHUNK, 2 * CHUNK]);
  const lost = pull.events.flatMap((event) => event.event === "bytes_lost" ? event.count : []);
  assert.deepEqual(lost, [0, 3 * CHUNK - 9 * MIB], "only what may be wrong stops counting as done");
  const more = (await pull.result)!.fetched - (size + 3 * CHUNK + othersOf(model));
  assert.ok(more >= 0 && more <= takenOver(pull), `${more} bytes more were fetched`);
});

function othersOf(
  model: { layers: readonly { size: number }[]; config: { size: number } | undefined },
) {
  return model.layers.slice(1).reduce((sum, { size }) => sum + size, model.config?.size ?? 0);
}

Deno.test("case 60: three wrong bytes in three ranges cost one more copy at most", async () => {
  await using place = await world();
  const model = place.tiny(SIZE);
  const { digest, size } = model.weights;
  flips(place, digest, [MIB, [1]], [9 * MIB, [1]], [17 * MIB, [1]]);
  const pull = await place.pull(model.name);
  place.assertInstalled(model);
  assert.ok(place.registry.served(digest) <= 2 * size + takenOver(pull));
});

Deno.test("a second copy that is wrong elsewhere is found out by a third of those ranges alone", async () => {
  await using place = await world();
  const model = place.tiny(SIZE);
  const { digest, size } = model.weights;
  flips(place, digest, [9 * MIB, [1]], [MIB, [2]]);
  const pull = await place.pull(model.name);
  place.assertInstalled(model);
  assertServed(place, digest, size + size + CHUNK, pull);
});

Deno.test("bytes that one blob host has wrong are searched for at another one", async () => {
  await using place = await world({ blobHosts: 2 });
  const model = place.tiny(SIZE);
  const { digest } = model.weights;
  const bad = place.registry.blobHosts[0];
  place.registry.faults.data = ({ path, host }) =>
    path.endsWith(digest) && host === bad ? { flipAt: 9 * MIB } : undefined;
  await place.pull(model.name, { settings: { connections: 1 } });
  place.assertInstalled(model);
});

Deno.test("a wrong byte is found on a server that knows no ranges", async () => {
  await using place = await world();
  const model = place.tiny(SIZE);
  const { digest, size } = model.weights;
  let copies = 0;
  place.registry.faults.data = ({ path }): Fault | undefined => {
    if (!path.endsWith(digest)) return undefined;
    return { ignoreRange: true, ...(copies++ === 0 && { flipAt: 9 * MIB }) };
  };
  await place.pull(model.name, { settings: { connections: 1 } });
  place.assertInstalled(model);
  assert.equal(place.registry.served(digest), 2 * size);
});

Deno.test("the search goes on through resets, and where it was after an interruption", async () => {
  await using place = await world({ bytesPerSecond: 60 * MIB });
  const model = place.tiny(SIZE);
  const { digest, size } = model.weights;
  let wrong = 1;
  const hit = ({ path, range }: LoggedRequest) =>
    path.endsWith(digest) && range && range.start <= 17 * MIB && 17 * MIB < range.end;
  place.registry.faults.data = (request) =>
    hit(request) && wrong-- > 0 ? { flipAt: 17 * MIB } : undefined;
  const first = await place.fail(model.name, {
    settings: { connections: 1 },
    onEvent: (event, pull) => {
      if (event.event === "verifying" && event.done > 2 * CHUNK) pull.stop();
    },
  });
  assert.equal(first.error.kind, "interrupted");
  const before = asked(place, digest).length;
  let resets = 2;
  place.registry.faults.data = ({ path }) =>
    path.endsWith(digest) && resets-- > 0 ? { end: { after: 600_000, how: "reset" } } : undefined;
  await place.pull(model.name);
  place.assertInstalled(model);
  const again = asked(place, digest).slice(before);
  assert.ok(again[0]!.start >= 2 * CHUNK, `began at ${again[0]!.start}`);
  await Promise.all(place.registry.requests.map(({ over }) => over));
  assert.ok(place.registry.served(digest) <= 2 * size + 3 * MIB);
});

Deno.test("case 68: a list of wrong digests for good data is left aside after two equal copies", async () => {
  await using place = await world();
  const model = place.tiny(SIZE);
  const { digest, size } = model.weights;
  const right = chunkList(makeModel({ size: SIZE }).weights, CHUNK);
  const wrong = right.map((chunk, k) => ({ ...chunk, digest: digestOf(`${k}`.repeat(64)) }));
  const pull = await place.pull(model.name, { source: withList(wrong) });
  place.assertInstalled(model);
  assert.equal(count(pull, "warning"), 1);
  const served = place.registry.served(digest);
  assert.ok(served <= 2 * size + takenOver(pull), `${served} bytes`);
});

Deno.test("case 68: one wrong digest in the list costs one more copy of that chunk", async () => {
  await using place = await world();
  const model = place.tiny(SIZE);
  const { digest, size } = model.weights;
  const list = chunkList(makeModel({ size: SIZE }).weights, CHUNK);
  list[2] = { ...list[2]!, digest: digestOf("e".repeat(64)) };
  const pull = await place.pull(model.name, { source: withList(list) });
  place.assertInstalled(model);
  assertServed(place, digest, size + CHUNK, pull);
});

for (const length of [3 * MIB, 7 * MIB, CHUNK + 1]) {
  Deno.test(`case 71: bytes of an earlier run are kept when the chunks are ${length} bytes now`, async () => {
    await using place = await world({ bytesPerSecond: 60 * MIB });
    const model = place.tiny(SIZE);
    const { digest, size } = model.weights;
    const { weights } = makeModel({ size: SIZE });
    const first = await place.fail(model.name, {
      source: withList(chunkList(weights, CHUNK)),
      onEvent: (event, pull) => {
        if (event.event === "bytes" && place.registry.served(digest) > size / 2) pull.stop();
      },
    });
    const stopped = first.events.at(-1);
    assert.ok(stopped?.event === "pull_interrupted");
    await Promise.all(place.registry.requests.map(({ over }) => over));
    const before = place.registry.served(digest);
    await place.pull(model.name, { source: withList(chunkList(weights, length)) });
    place.assertInstalled(model);
    const others = othersOf(model);
    assert.ok(place.registry.served(digest) - before <= size - (stopped.kept - others));
  });
}

Deno.test("Search goes through what was different once more, and through all where nothing was", () => {
  const ranges = [{ start: 0, end: 4 }, { start: 4, end: 8 }, { start: 8, end: 10 }];
  const search = new RepairRounds(ranges, 0, 2);
  search.compared(ranges[0]!, true);
  search.compared({ start: 4, end: 6 }, true);
  assert.deepEqual(search.next, { start: 6, end: 8 });
  search.compared({ start: 6, end: 8 }, false);
  assert.equal(search.next, undefined, "first the whole is tried");
  assert.ok(search.nextRound());
  search.compared(ranges[2]!, true);
  assert.equal(search.next, undefined);
  assert.ok(search.nextRound());
  assert.deepEqual(search.next, { start: 4, end: 8 });
  search.compared(search.next!, true);
  assert.equal(search.nextRound(), false);

  const alike = new RepairRounds(ranges, 9, 2);
  assert.deepEqual(alike.next, { start: 8, end: 10 });
  alike.compared(ranges[2]!, true);
  assert.ok(alike.nextRound());
  assert.deepEqual(alike.next, { start: 0, end: 4 });
});
