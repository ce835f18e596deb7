import assert from "node:assert/strict";
import { type Fault, resetAfter, stallAfter } from "../fakes/faults.ts";
import type { LoggedRequest } from "../fakes/wire.ts";
import { randomNumbers } from "../random.ts";
import { count, MIB, type Pull, type Tiny, type World, world } from "./world.ts";

const SIZE = 64 * MIB;
const CHUNK = 4 * MIB;
const FLIPPED = 21 * MIB;
/** What the flipped byte costs without digests of chunks: the comparison of every chunk up to its own. */
const SEARCHED = 24 * MIB;
/** What the kernel and the runtime may hold when a connection is reset: Windows drops all that was not read. */
const ON_ITS_WAY = Deno.build.os === "windows" ? MIB : 64 * 1024;
/** What a read may bring of a range whose end somebody else has taken meanwhile. */
const READ = 128 * 1024;

interface Storm {
  /** Connections that were reset, and those that fell silent. */
  readonly resets: number;
  readonly frozen: number;
  readonly refused: number;
  readonly flipped: boolean;
}

/** Resets each connection after 2 MiB, freezes two of them, refuses a third of the requests, flips one byte. */
function storm({ registry }: World, weights: string): Storm {
  const counts = { resets: 0, frozen: 0, refused: 0, flipped: false };
  // Not every third one: that could always be the same connection's.
  const random = randomNumbers(1);
  let ofWeights = 0;
  const sentOn = (of: LoggedRequest) =>
    registry.requests.filter((one) => one.host === of.host && one.connection === of.connection)
      .reduce((sum, { sent }) => sum + sent, 0);
  const refusal = (): Fault | undefined => {
    if (random() > 1 / 3) return undefined;
    counts.refused++;
    return { status: 503 };
  };
  registry.faults.manifest = refusal;
  registry.faults.data = (request) => {
    const { path, range } = request;
    const refused = refusal();
    if (refused || !path.includes(weights.slice(7)) || !range) return refused;
    const nth = ++ofWeights;
    if (nth === 3 || nth === 4) {
      counts.frozen++;
      return stallAfter(700_001);
    }
    const left = 2 * MIB - sentOn(request);
    const hit = !counts.flipped && range.start <= FLIPPED && FLIPPED < range.start + left &&
      FLIPPED < range.end;
    if (hit) counts.flipped = true;
    const reset = range.end - range.start >= left;
    if (reset) counts.resets++;
    return { ...(reset && resetAfter(left)), ...(hit && { flipAt: FLIPPED }) };
  };
  return counts;
}

const SILENCE = { alone: 5000, besideOthers: 1000 };

for (
  const [what, chunkLength, costs] of [
    ["with digests of chunks", CHUNK, CHUNK],
    ["without digests of chunks", 0, SEARCHED],
  ] as const
) {
  Deno.test(`a storm of resets, silences, refusals and a flipped byte is come through ${what}`, async () => {
    await using place = await world({ chunkLength, bytesPerSecond: 60 * MIB });
    const model = place.tiny(SIZE);
    const counts = storm(place, model.weights.digest);
    const pull = await place.pull(model.name, {
      settings: { chunkSize: CHUNK, maxRetries: 12 },
      silence: SILENCE,
    });
    place.assertInstalled(model);
    assert.ok(counts.flipped && counts.frozen === 2, JSON.stringify(counts));
    const stalls = count(pull, "stall");
    assert.ok(stalls >= 2, `${stalls} silences were noticed`);
    const { fetched, size } = (await pull.result)!;
    const sent = await allSent(place, model);
    const faults = counts.resets + stalls;
    console.log(
      `${counts.resets} resets, ${counts.frozen} frozen, ${counts.refused} refused: ` +
        `${fetched - size} bytes came twice, ${sent - fetched} were sent and never came`,
    );
    assert.ok(counts.resets >= 25, `only ${counts.resets} resets`);
    assert.ok(counts.refused > counts.resets / 3);
    // What came is used: only the flipped byte is paid for.
    assert.ok(fetched - size <= costs + relieved(pull), `${fetched - size} bytes came twice`);
    assert.ok(sent - fetched <= faults * ON_ITS_WAY, `${sent - fetched} bytes never came`);
  });
}

/** What was on its way to connections that others relieved of a part of their range. */
function relieved({ events }: Pull): number {
  const ranges = events.flatMap((event) => event.event === "chunk_start" ? event.range : []);
  const shared = ranges.filter(({ start, end }, k) =>
    ranges.slice(0, k).some((earlier) => earlier.start < start && end === earlier.end)
  );
  return shared.length * READ;
}

/** Bytes of the model's blobs that were handed to sockets. */
async function allSent({ registry }: World, model: Tiny): Promise<number> {
  await Promise.all(registry.requests.map(({ over }) => over));
  return [...model.layers, model.config!]
    .reduce((sum, { digest }) => sum + registry.served(digest), 0);
}

Deno.test("a search that was stopped half way finds also what its first half left wrong", async () => {
  await using place = await world({ bytesPerSecond: 60 * MIB });
  const model = place.tiny(4 * CHUNK);
  const { digest } = model.weights;
  // The first copy is wrong in the first chunk and the last, and the second of the first chunk elsewhere.
  const wrong = [
    { at: MIB, copy: 1 },
    { at: MIB + 7, copy: 2 },
    { at: 3 * CHUNK + 7, copy: 1 },
  ];
  const copies = new Map<number, number>();
  place.registry.faults.data = ({ path, range }) => {
    if (!path.endsWith(digest) || !range) return undefined;
    const copy = (copies.get(range.start) ?? 0) + 1;
    copies.set(range.start, copy);
    const hit = wrong.find((one) =>
      one.copy === copy && range.start <= one.at && one.at < range.end
    );
    return hit && { flipAt: hit.at };
  };
  const settings = { connections: 1, chunkSize: CHUNK };
  const { error } = await place.fail(model.name, {
    settings,
    onEvent: (event, pull) => {
      if (event.event === "verifying" && event.done >= 2 * CHUNK) pull.stop();
    },
  });
  assert.equal(error.kind, "interrupted");
  delete place.registry.faults.data;
  await place.pull(model.name, { settings });
  place.assertInstalled(model);
});
