import assert from "node:assert/strict";
import type { PullEvent } from "../../src/core/events.ts";
import { subtract, total, union } from "../../src/core/ranges.ts";
import type { BlobBody, Source } from "../../src/core/content.ts";
import { foldProgress, type Progress } from "../../src/ui/progress/progress.ts";
import { type Content, held, noise } from "../fakes/content.ts";
import { slowed } from "../fakes/capacity.ts";
import { closeAfter, type Fault, resetAfter, stallAfter } from "../fakes/faults.ts";
import type { AddedModel } from "../fakes/registry.ts";
import { some } from "../seed.ts";
import { fakeClock } from "../ui/fake_clock.ts";
import { MIB, type Pull, type PullChanges, takenOver, type World, world } from "./world.ts";

/** What the buffers of sockets hold of responses that are given up. */
const BUFFERED = (Deno.build.os === "windows" ? 4 : 1) * MIB;

const SIZE = 10 * MIB;
const SMALL = 700_000;
/** Too short to be shared: no connection is sent what another one fetches. */
const CHUNK = MIB;

/** No byte of them is zero: what is not written yet is not right by chance. */
function noZeros(size: number, seed: number): Content {
  const bytes = noise(size, seed).read(0, size).slice();
  for (let k = 0; k < size; k++) bytes[k]! ||= 1;
  return held(bytes);
}

/** A model of a large and a small blob. */
function addModel({ registry }: World) {
  const contents = [noZeros(SIZE, 3), noZeros(SMALL, 4)];
  const model = registry.add("library/claims:latest", {
    layers: contents.map((content) => ({
      mediaType: "application/vnd.ollama.image.model",
      content,
    })),
  });
  return { model, contents, size: SIZE + SMALL };
}

type Served = ReturnType<typeof addModel>;

/** Bytes in the models folder that are the right ones, in files that are finished and that are not. */
function rightBytes(place: World, { model, contents }: Served): number {
  return model.layers.reduce((sum, { digest, size }, k) => {
    const places = [
      place.blob(digest),
      place.blob(digest, "ready"),
      `${place.models}/.pullm/${digest.replace(":", "-")}.partial`,
    ];
    const here = places.map(readOrNothing).find((bytes) => bytes.length > 0) ?? new Uint8Array();
    return sum + equalBytes(here, contents[k]!.read(0, size));
  }, 0);
}

function readOrNothing(path: string): Uint8Array {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Uint8Array();
    throw error;
  }
}

/** How many bytes of `a` are those of `b`. Of a word that differs anywhere each is looked at. */
function equalBytes(a: Uint8Array, b: Uint8Array): number {
  const words = a.length >> 2;
  const [left, right] = [a, b].map(({ buffer, byteOffset }) =>
    new Uint32Array(buffer, byteOffset, words)
  ) as [Uint32Array, Uint32Array];
  let count = 0;
  const look = (from: number, to: number) => {
    for (let k = from; k < to; k++) if (a[k] === b[k]) count++;
  };
  for (let k = 0; k < words; k++) {
    if (left[k] === right[k]) count += 4;
    else if (left[k] !== 0) look(4 * k, 4 * k + 4);
  }
  look(4 * words, a.length);
  return count;
}

/** What changes the sum that is shown, or says that it is safe. */
const TELLING: ReadonlySet<PullEvent["event"]> = new Set<PullEvent["event"]>([
  "manifest",
  "blob_cached",
  "blob_start",
  "blob_verified",
  "bytes_lost",
  "checkpoint",
  "stall",
  "pull_interrupted",
  "pull_completed",
]);

/** Looks at what is on disk whenever that may have become less, and now and then in between. */
class Auditor {
  readonly shown: Progress = foldProgress(fakeClock());
  looks = 0;
  #bytes = 0;

  constructor(
    private readonly place: World,
    private readonly served: Served,
    /** Bytes that came wrong so far and may count until that is found out. */
    private readonly wrong: () => number = () => 0,
  ) {}

  see(event: PullEvent): void {
    this.shown.fold(event);
    if (event.event === "bytes" ? ++this.#bytes % 2 !== 0 : !TELLING.has(event.event)) return;
    const right = rightBytes(this.place, this.served) + this.wrong();
    this.looks++;
    assert.ok(
      this.shown.done <= right,
      `${this.shown.done} bytes are shown at ${event.event} and ${right} are there`,
    );
  }
}

/** A source that counts what is read of blobs. */
class Tap {
  arrived = 0;

  over = (source: Source): Source => ({
    manifest: (...args) => source.manifest(...args),
    chunksums: (...args) => source.chunksums(...args),
    sendsRanges: (...args) => source.sendsRanges(...args),
    forgetAddress: (...args) => source.forgetAddress(...args),
    open: async (...args) => this.#counted(await source.open(...args)),
  });

  #counted(body: BlobBody): BlobBody {
    const reader = body.stream.getReader({ mode: "byob" });
    const stream = new ReadableStream({
      type: "bytes",
      pull: async (controller) => {
        const { byobRequest } = controller;
        const length = byobRequest?.view?.byteLength ?? 65_536;
        const { value, done } = await reader.read(new Uint8Array(length));
        if (value && value.length > 0) {
          this.arrived += value.length;
          if (byobRequest) byobRequest.respondWithNewView(value);
          else controller.enqueue(value);
        }
        if (done) {
          controller.close();
          byobRequest?.respond(0);
        }
      },
      cancel: (reason) => reader.cancel(reason),
    });
    return { ...body, stream };
  }
}

/** Pulls, audited, and stops at the first event that `until` says so of. */
async function audited(
  place: World,
  served: Served,
  changes: PullChanges & { wrong?: () => number; until?: (shown: Progress) => boolean } = {},
) {
  const auditor = new Auditor(place, served, changes.wrong);
  const tap = new Tap();
  const failures: unknown[] = [];
  const pull = place.start(served.model.name, {
    silence: { alone: await slowed(300), besideOthers: await slowed(200) },
    source: tap.over,
    ...changes,
    onEvent: (event, pull) => {
      try {
        auditor.see(event);
      } catch (error) {
        failures.push(error);
      }
      if (changes.until?.(auditor.shown)) pull.stop();
    },
  });
  const summary = await pull.result.catch(() => undefined);
  assert.deepEqual(failures, []);
  assert.ok(auditor.looks > 3);
  return { pull, summary, tap, shown: auditor.shown };
}

function isLarge(model: AddedModel, { path }: { path: string }): boolean {
  return path.includes(model.layers[0]!.digest.slice(7));
}

/** Bytes of the model's blobs that were handed to sockets. */
async function sent({ registry }: World, { model }: Served): Promise<number> {
  await Promise.all(registry.requests.map(({ over }) => over));
  return model.layers.reduce((sum, { digest }) => sum + registry.served(digest), 0);
}

type Hook = (model: AddedModel) => (request: { path: string }, n: number) => Fault | undefined;

const STORMS: Readonly<Record<string, Hook>> = {
  "nothing in the way": () => () => undefined,
  "answers that end early": () => (_, n) => closeAfter(200_000 * n),
  "resets": (model) => (request) => isLarge(model, request) ? resetAfter(500_000) : undefined,
  "silences": (model) => (request, n) =>
    isLarge(model, request) && n % 4 === 2 ? stallAfter(300_001) : undefined,
  "refusals": () => (_, n) => n % 3 === 0 ? { status: 503 } : undefined,
  "short answers": () => () => ({ atMost: 300_003 }),
  "ignored ranges": (model) => (request, n) =>
    isLarge(model, request) ? { ignoreRange: true, ...(n <= 4 && closeAfter(2 * MIB * n)) } : {},
};

for (const [what, hook] of Object.entries(STORMS)) {
  for (const connections of some([1, 4], 0.4)) {
    Deno.test(`${connections} connections claim no byte that is not there, with ${what}`, async () => {
      await using place = await world({ bytesPerSecond: 100 * MIB });
      const served = addModel(place);
      place.registry.faults.data = hook(served.model);
      const run = await audited(place, served, {
        settings: { connections, chunkSize: CHUNK },
      });
      place.assertInstalled(served.model);
      assert.equal(run.shown.done, served.size);
      const { fetched } = run.summary!;
      const { arrived } = run.tap;
      assert.ok(fetched <= arrived && arrived - fetched < MIB, `${fetched} of ${arrived} counted`);
      const handed = await sent(place, served);
      assert.ok(run.tap.arrived <= handed, `${run.tap.arrived} bytes came of ${handed}`);
      const lost = what === "resets" || (what === "ignored ranges" && connections > 1);
      const onTheirWay = BUFFERED + takenOver(run.pull);
      if (!lost) assert.ok(handed - arrived < onTheirWay, `${arrived} bytes came of ${handed}`);
    });
  }
}

for (const chunkLength of [0, CHUNK]) {
  const what = chunkLength > 0 ? "with" : "without";
  Deno.test(`bytes that are wrong count until they are found out, ${what} digests of chunks`, async () => {
    await using place = await world({ bytesPerSecond: 100 * MIB, chunkLength });
    const served = addModel(place);
    let wrong = 0;
    const places = [3 * MIB, 8 * MIB + 5];
    place.registry.faults.data = (request) => {
      const { range } = request;
      if (!isLarge(served.model, request) || !range) return undefined;
      const at = places.findIndex((place) => range.start <= place && place < range.end);
      if (at < 0) return resetAfter(400_000);
      wrong++;
      return { flipAt: places.splice(at, 1)[0]! };
    };
    const run = await audited(place, served, {
      settings: { chunkSize: CHUNK },
      wrong: () => wrong,
    });
    place.assertInstalled(served.model);
    assert.equal(wrong, 2);
    assert.equal(run.shown.done, served.size);
    assert.equal(run.summary!.fetched, run.tap.arrived);
  });
}

/** What a pull that was stopped says that it has. */
function claimed({ events }: Pull): number {
  const last = events.at(-1)!;
  assert.ok(last.event === "pull_interrupted", last.event);
  return last.kept;
}

for (const [what, hook] of Object.entries(STORMS)) {
  for (const connections of some([1, 4], 0.4)) {
    Deno.test(`${connections} connections that are stopped keep what they claim, with ${what}`, async () => {
      await using place = await world({ bytesPerSecond: 60 * MIB });
      const served = addModel(place);
      const settings = { connections, chunkSize: CHUNK };
      let kept = 0;
      for (const part of [0.3, 0.6]) {
        place.registry.faults.data = hook(served.model);
        const { pull } = await audited(place, served, {
          settings,
          until: ({ done }) => done > part * served.size,
        });
        const right = rightBytes(place, served);
        assert.ok(claimed(pull) >= kept, "a later run claims less");
        kept = claimed(pull);
        assert.ok(kept <= right, `${kept} bytes are claimed and ${right} are there`);
        assert.ok(kept >= part * served.size, "less is claimed than was shown");
        await quiet(place);
      }
      delete place.registry.faults.data;
      const begun = place.registry.requests.length;
      const before = await sent(place, served);
      const run = await audited(place, served, { settings });
      place.assertInstalled(served.model);
      const surplus = run.summary!.fetched - (served.size - kept);
      assert.ok(surplus >= 0 && surplus < MIB, `${surplus} bytes came twice`);
      const asked = place.registry.requests.slice(begun)
        .filter((request) => isLarge(served.model, request)).flatMap(({ range }) => range ?? []);
      const twice = asked.reduce((sum, { start, end }) => sum + end - start, 0) -
        total(union(asked));
      const onTheirWay = BUFFERED + takenOver(run.pull);
      assert.ok(twice < onTheirWay, `${twice} bytes were asked for twice`);
      const more = await sent(place, served) - before - (served.size - kept);
      assert.ok(more >= 0 && more < onTheirWay, `${more} bytes came twice`);
      assert.ok(subtract(union(asked), [{ start: 0, end: SIZE }]).length === 0);
    });
  }
}

async function quiet({ registry }: World): Promise<void> {
  await Promise.all(registry.requests.map(({ over }) => over));
}
