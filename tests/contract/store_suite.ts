/** What every store of models has to do: one suite for a models folder, and memory. */

import assert from "node:assert/strict";
import type { BlobWatcher, Ingest, Session, Store } from "../../src/core/content.ts";
import { type Descriptor, distinctBlobs } from "../../src/core/manifest.ts";
import { parseName } from "../../src/core/name.ts";
import { type Range, tile, total } from "../../src/core/ranges.ts";
import { noise, wholeOf } from "../fakes/content.ts";
import { MemorySource, sha256 } from "./memory_source.ts";

export interface StoreWorld extends AsyncDisposable {
  /** The store as another process would open it. */
  readonly open: () => Store;
}

const NAME = parseName("suite");
const BYTES = wholeOf(noise(2_000_000));
const SMALL = new TextEncoder().encode("small");
const MANIFEST = new MemorySource().add(NAME, [SMALL, BYTES]);
const [SMALL_BLOB, BLOB] = distinctBlobs(MANIFEST) as [Descriptor, Descriptor];
const CHUNKS = tile(BLOB.size, 500_000);

const never = () => new AbortController().signal;

/** Keeps what a store reports. */
class Watcher implements BlobWatcher {
  readonly ranges: Range[] = [];
  readonly waited = Promise.withResolvers<void>();
  lists = 0;

  lost({ start, end }: Range): void {
    this.ranges.push({ start, end });
  }

  distrusted(): void {
    this.lists++;
  }

  waiting(): void {
    this.waited.resolve();
  }

  verifying(): void {}
}

async function write(ingest: Ingest, { start, end }: Range, bytes = BYTES): Promise<void> {
  const writer = await ingest.writer(start);
  try {
    for (let at = start; at < end;) {
      const piece = bytes.subarray(at, Math.min(end, at + 100_000));
      await writer.write(piece);
      at += piece.length;
      assert.equal(writer.position, at);
    }
  } finally {
    writer.close();
  }
}

async function stored(session: Session): Promise<void> {
  assert.equal(await session.put(SMALL_BLOB, SMALL), SMALL_BLOB.digest);
  await using ingest = (await session.ingest(BLOB, never(), new Watcher()))!;
  for (const range of ingest.plan(CHUNKS)) await write(ingest, range);
  assert.equal(await ingest.seal(), "sealed");
}

/** The requests for locks of files since it was made: the runtime cannot take one back. */
class LockRequests implements Disposable {
  readonly #lock = Deno.FsFile.prototype.lock;
  readonly #made: Promise<void>[] = [];

  constructor() {
    const [made, lock] = [this.#made, this.#lock];
    Deno.FsFile.prototype.lock = function (exclusive) {
      const request = lock.call(this, exclusive);
      made.push(request);
      return request;
    };
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.#made);
  }

  [Symbol.dispose](): void {
    Deno.FsFile.prototype.lock = this.#lock;
  }
}

export function storeSuite(what: string, make: () => Promise<StoreWorld>): void {
  const test = (title: string, act: (world: StoreWorld) => Promise<void>) =>
    Deno.test(`${what}: ${title}`, async () => {
      await using world = await make();
      await act(world);
    });
  const enter = (store: Store) =>
    store.enter(never(), () => {}, { name: NAME, digests: new Set([BLOB.digest]) });

  test("survey() of an empty store has nothing", async ({ open }) => {
    const statuses = await open().survey([SMALL_BLOB, BLOB]);
    assert.deepEqual(statuses.map(({ state, kept }) => [state, kept]), [
      ["missing", 0],
      ["missing", 0],
    ]);
  });

  test("a model is there after commit()", async ({ open }) => {
    {
      await using session = await enter(open());
      await stored(session);
      assert.deepEqual(await session.commit(NAME, MANIFEST), []);
    }
    const store = open();
    for (const { state, kept, blob } of await store.survey([SMALL_BLOB, BLOB])) {
      assert.notEqual(state, "missing");
      assert.equal(kept, blob.size);
    }
    await using session = await enter(store);
    assert.ok(await session.verifyOrQuarantine(BLOB, never(), new Watcher()));
    assert.equal(await session.ingest(BLOB, never(), new Watcher()), undefined);
    assert.deepEqual(await store.unfinishedBytes([BLOB]), { own: 0, others: 0 });
  });

  test("commit() names the blobs that are missing", async ({ open }) => {
    await using session = await enter(open());
    await session.put(SMALL_BLOB, SMALL);
    assert.deepEqual(await session.commit(NAME, MANIFEST), [BLOB]);
  });

  test("put() stores only the right bytes", async ({ open }) => {
    await using session = await enter(open());
    const wrong = new TextEncoder().encode("Small");
    assert.equal(await session.put(SMALL_BLOB, wrong), sha256(wrong));
    assert.equal(await session.verifyOrQuarantine(SMALL_BLOB, never(), new Watcher()), false);
  });

  test("what was written is kept, and only the rest is missing", async ({ open }) => {
    {
      await using session = await enter(open());
      await using ingest = (await session.ingest(BLOB, never(), new Watcher()))!;
      assert.deepEqual(ingest.plan(CHUNKS), CHUNKS);
      await write(ingest, CHUNKS[1]!);
      await write(ingest, { start: 1_500_000, end: 1_600_000 });
      assert.equal(await ingest.checkpoint(), 600_000);
    }
    const store = open();
    const [status] = await store.survey([BLOB]);
    assert.deepEqual([status!.state, status!.kept], ["missing", 600_000]);
    // A disk has blocks, and records of them.
    const { own, others } = await store.unfinishedBytes([BLOB]);
    assert.ok(own >= 600_000 && own < 700_000, `${own}`);
    assert.equal(others, 0);
    assert.deepEqual(await store.unfinishedBytes([]), { own: 0, others: own });
    await using session = await enter(store);
    await using ingest = (await session.ingest(BLOB, never(), new Watcher()))!;
    const rest = ingest.plan(CHUNKS);
    assert.equal(total(rest), BLOB.size - 600_000);
    assert.equal(ingest.kept(), 600_000);
    for (const range of rest) await write(ingest, range);
    assert.equal(await ingest.seal(), "sealed");
  });

  test("seal() of a blob with gaps is incomplete", async ({ open }) => {
    await using session = await enter(open());
    await using ingest = (await session.ingest(BLOB, never(), new Watcher()))!;
    ingest.plan(CHUNKS);
    await write(ingest, { start: 0, end: BLOB.size - 1 });
    assert.equal(await ingest.seal(), "incomplete");
    assert.deepEqual(ingest.plan(CHUNKS), [{ start: BLOB.size - 1, end: BLOB.size }]);
  });

  test("seal() finds a wrong byte, and a range that is forgotten may be written again", async ({ open }) => {
    await using session = await enter(open());
    await using ingest = (await session.ingest(BLOB, never(), new Watcher()))!;
    ingest.plan(CHUNKS);
    const wrong = BYTES.slice();
    wrong[1_234_567]! ^= 1;
    await write(ingest, { start: 0, end: BLOB.size }, wrong);
    assert.equal(await ingest.seal(), "mismatch");
    assert.equal(ingest.actual, sha256(wrong));
    assert.equal(await session.verifyOrQuarantine(BLOB, never(), new Watcher()), false);
    assert.equal(
      await ingest.matchingPrefix(BYTES.subarray(1_000_000, 1_500_000), 1_000_000),
      234_567,
    );
    assert.equal(await ingest.forget(CHUNKS[2]!), 500_000);
    assert.deepEqual(ingest.plan(CHUNKS), [CHUNKS[2]]);
    await write(ingest, CHUNKS[2]!);
    assert.equal(await ingest.seal(), "sealed");
  });

  test("a chunk that is not what its digest says is lost alone", async ({ open }) => {
    await using session = await enter(open());
    const watcher = new Watcher();
    await using ingest = (await session.ingest(BLOB, never(), watcher))!;
    const chunks = CHUNKS.map(({ start, end }) => ({
      start,
      end,
      digest: sha256(BYTES.subarray(start, end)),
    }));
    ingest.plan(chunks);
    const wrong = BYTES.slice();
    wrong[600_000]! ^= 1;
    for (const range of CHUNKS) await write(ingest, range, wrong);
    assert.equal(await ingest.seal(), "incomplete");
    assert.deepEqual(watcher.ranges, [CHUNKS[1]]);
    assert.deepEqual(
      ingest.plan(chunks).map(({ start, end }) => ({ start, end })),
      [CHUNKS[1]],
    );
    await write(ingest, CHUNKS[1]!);
    assert.equal(await ingest.seal(), "sealed");
    assert.equal(watcher.lists, 0);
  });

  test("chunk digests that are wrong are not believed for ever", async ({ open }) => {
    await using session = await enter(open());
    const watcher = new Watcher();
    await using ingest = (await session.ingest(BLOB, never(), watcher))!;
    const lies = CHUNKS.map(({ start, end }) => ({ start, end, digest: sha256(SMALL) }));
    let outcome = "incomplete";
    for (let round = 0; round < 20 && outcome !== "sealed"; round++) {
      for (const range of ingest.plan(lies)) await write(ingest, range);
      outcome = await ingest.seal();
    }
    assert.equal(outcome, "sealed");
    assert.equal(watcher.lists, 1);
  });

  test("a second session waits for a blob that is in use", async ({ open }) => {
    await using first = await enter(open());
    await using second = await enter(open());
    const ingest = (await first.ingest(BLOB, never(), new Watcher()))!;
    ingest.plan(CHUNKS);
    const watcher = new Watcher();
    const later = second.ingest(BLOB, never(), watcher);
    await watcher.waited.promise;
    await write(ingest, { start: 0, end: BLOB.size });
    assert.equal(await ingest.seal(), "sealed");
    await ingest[Symbol.asyncDispose]();
    assert.equal(await later, undefined);
  });

  test("a wait ends with the reason of its signal", async ({ open }) => {
    await using first = await enter(open());
    await using second = await enter(open());
    using requests = new LockRequests();
    {
      await using _ingest = (await first.ingest(BLOB, never(), new Watcher()))!;
      const stop = new AbortController();
      const watcher = new Watcher();
      const later = second.ingest(BLOB, stop.signal, watcher);
      await watcher.waited.promise;
      const reason = new Error("enough");
      stop.abort(reason);
      await assert.rejects(later, reason);
    }
    await requests.settled();
  });
}
