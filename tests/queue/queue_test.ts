import assert from "node:assert/strict";
import fc from "fast-check";
import { PullamaError } from "../../src/core/errors.ts";
import { displayName, parseName } from "../../src/core/name.ts";
import { givenOf, keyOf } from "../../src/queue/entry.ts";
import type { Queue } from "../../src/queue/format.ts";
import {
  add,
  EMPTY,
  failed,
  finished,
  hasActive,
  next,
  remove,
  requeued,
  waiting,
} from "../../src/queue/queue.ts";
import { entriesOf, queueOf } from "./place.ts";

const NOW = "2026-05-06T07:08:09.123+02:00";

function added(queue: Queue, ...names: readonly string[]) {
  return add(queue, names.map(parseName), NOW);
}

Deno.test("add() appends in order, with model and tag, and a full name unless host and namespace are default", () => {
  const { queue, added: names, skipped } = added(
    EMPTY,
    "llama3.2",
    "user/m:7b",
    "hf.co/u/r:Q4_K_M",
    "http://10.0.0.1:5000/a/b",
    "https://registry.ollama.ai/library/c",
  );
  const times = { added_at: NOW, finished_at: "0001-01-01T00:00:00Z" };
  const status = "queued";
  assert.deepEqual(queue.entries, [
    { model: "llama3.2", tag: "latest", status, ...times },
    {
      model: "m",
      tag: "7b",
      name: "registry.ollama.ai/user/m:7b",
      status,
      ...times,
    },
    { model: "r", tag: "Q4_K_M", name: "hf.co/u/r:Q4_K_M", status, ...times },
    {
      model: "b",
      tag: "latest",
      name: "10.0.0.1:5000/a/b:latest",
      scheme: "http",
      status,
      ...times,
    },
    { model: "c", tag: "latest", status, ...times },
  ]);
  assert.deepEqual([names.length, skipped.length], [5, 0]);
});

Deno.test("add() skips models that are queued or active, also within one call", () => {
  const before = queueOf("a active", "b", "c completed");
  const { queue, added: names, skipped } = added(
    before,
    "a",
    "registry.ollama.ai/library/b",
    "REGISTRY.ollama.ai/library/b",
    "d",
    "d:latest",
  );
  assert.deepEqual(entriesOf(queue), ["a active", "b queued", "c completed", "d queued"]);
  assert.deepEqual(names.map(displayName), ["d:latest"]);
  assert.deepEqual(skipped.map(displayName), ["a:latest", "b:latest", "b:latest", "d:latest"]);
});

Deno.test("add() distinguishes models by host, namespace, tag and case, except the case of the host", () => {
  const { queue } = added(queueOf("m"), "u/m", "h.example/library/m", "m:7b", "M");
  assert.equal(queue.entries.length, 5);
});

Deno.test("add() queues completed and failed models again, once and at the end", () => {
  const before = queueOf("a failed", "b completed", "a completed", "c");
  const { queue, added: names } = added(before, "a", "b");
  assert.deepEqual(entriesOf(queue), ["c queued", "a queued", "b queued"]);
  assert.deepEqual(names.map(displayName), ["a:latest", "b:latest"]);
  assert.equal(queue.entries[1]?.error, undefined);
});

Deno.test("add() uses the last scheme given for a model", () => {
  const plain = added(EMPTY, "h.example/a/m").queue;
  const http = added(plain, "http://h.example/a/m");
  assert.deepEqual(http.queue.entries.map(givenOf), ["http://h.example/a/m:latest"]);
  assert.deepEqual(http.changed.map(displayName), ["h.example/a/m:latest"]);
  assert.deepEqual([http.added, http.skipped], [[], []]);
  const same = added(http.queue, "http://h.example/a/m");
  assert.deepEqual([same.queue, same.changed, same.skipped.length], [http.queue, [], 1]);
  const back = added(http.queue, "https://h.example/a/m");
  assert.deepEqual([back.queue, back.changed.length], [plain, 1]);
});

Deno.test("add() leaves an active entry unchanged, even with another scheme", () => {
  const active = next(added(EMPTY, "h.example/a/m").queue)!.queue;
  const { queue, changed, skipped } = added(active, "http://h.example/a/m");
  assert.deepEqual([queue, changed, skipped.length], [active, [], 1]);
});

Deno.test("next() activates the first queued entry and skips unknown statuses", () => {
  const before = queueOf("a completed", "b paused", "c", "d");
  const taken = next(before)!;
  assert.equal(givenOf(taken.entry), "registry.ollama.ai/library/c:latest");
  assert.deepEqual(entriesOf(taken.queue), ["a completed", "b paused", "c active", "d queued"]);
  assert.deepEqual(waiting(taken.queue).map(({ model }) => model), ["d"]);
  assert.equal(next(queueOf("a failed", "b active")), undefined);
  assert.equal(next(EMPTY), undefined);
});

Deno.test("finished(), failed() and requeued() change only the active entry", () => {
  const before = queueOf("a queued", "b active", "c failed");
  const [a, b, c] = before.entries;
  const done = { ...b, status: "completed", finished_at: NOW };
  assert.deepEqual(finished(before, NOW).entries, [a, done, c]);
  const lost = failed(before, "no such model", NOW);
  assert.deepEqual(lost.entries, [a, {
    ...b,
    status: "failed",
    finished_at: NOW,
    error: "no such model",
  }, c]);
  assert.deepEqual(requeued(before).entries, [a, { ...b, status: "queued" }, c]);
  assert.equal(hasActive(requeued(before)), false);
  assert.deepEqual(finished(requeued(before), NOW), requeued(before));
});

Deno.test("remove() takes several positions, all counted before the removal", () => {
  const { queue, removed } = remove(queueOf("a", "b failed", "c active", "d completed"), [4, 1, 4]);
  assert.deepEqual(entriesOf(queue), ["b failed", "c active"]);
  assert.deepEqual(removed.map(({ model }) => model), ["a", "d"]);
});

Deno.test("remove() removes nothing if one position is active or has no entry", () => {
  const queue = queueOf("a", "b active", "c");
  const cases = [
    [[1, 2], "busy", /^cannot remove entry 2: "registry\.ollama\.ai\/library\/b:latest" is being/],
    [[1, 4], "usage", /^there is no entry 4 in the queue$/],
    [[2, 9, 12], "usage", /^there are no entries 9, 12 in the queue$/],
  ] as const;
  for (const [positions, kind, message] of cases) {
    assert.throws(() => remove(queue, positions), (error: unknown) => {
      assert.ok(error instanceof PullamaError);
      assert.equal(error.kind, kind);
      assert.match(error.message, message);
      assert.match(error.hint ?? "", /nothing was removed/);
      return true;
    });
  }
  assert.throws(() => remove(EMPTY, [1]), { hint: "the queue is empty" });
});

Deno.test("a queue never loses an entry or has two entries for one model, for any sequence of operations", () => {
  const step = fc.oneof(
    fc.constantFrom("a", "b", "c", "d", "u/a", "h.example/x/a").map((name) => ["add", name]),
    fc.constantFrom(["next"], ["finished"], ["failed"], ["requeued"]),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    let queue = EMPTY;
    const seen = new Set<string>();
    for (const [what, name = ""] of steps) {
      if (what === "add") queue = added(queue, name).queue;
      else if (what === "next") queue = hasActive(queue) ? queue : next(queue)?.queue ?? queue;
      else if (what === "finished") queue = finished(queue, NOW);
      else if (what === "failed") queue = failed(queue, "reason", NOW);
      else queue = requeued(queue);
      if (what === "add") seen.add(displayName(parseName(name)));
      const keys = queue.entries.map(keyOf);
      assert.equal(new Set(keys).size, keys.length);
      assert.equal(keys.length, seen.size);
    }
  }));
});
