import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parseName } from "../../src/core/name.ts";
import {
  becomeRunner,
  changeQueue,
  readQueue,
  viewQueue,
  type WaitOptions,
} from "../../src/queue/file.ts";
import { parseQueue, type Queue } from "../../src/queue/format.ts";
import { add, remove } from "../../src/queue/queue.ts";
import { RecordingDisk } from "../fakes/recording_disk.ts";
import { otherHolder } from "../io/other_process.ts";
import { mounted } from "../io/mount.ts";
import { realDisk } from "../../src/io/disk.ts";
import { entriesIn, entriesOf, FROM_GO, placeIn, scratch, textOf, UNLIMITED } from "./place.ts";
import { testWith } from "../needs.ts";

const NOW = "2026-05-06T07:08:09.123+02:00";

function adding(...names: readonly string[]) {
  return (queue: Queue) => ({ queue: add(queue, names.map(parseName), NOW).queue, result: 7 });
}

Deno.test("changeQueue() creates missing files, writes Go's format and returns the result", async () => {
  await using it = await scratch();
  assert.equal(await changeQueue(it.place, UNLIMITED, adding("a", "u/m")), 7);
  assert.equal(
    it.text(),
    `{
  "entries": [
    {
      "model": "a",
      "tag": "latest",
      "status": "queued",
      "added_at": "${NOW}",
      "finished_at": "0001-01-01T00:00:00Z"
    },
    {
      "model": "m",
      "tag": "latest",
      "name": "registry.ollama.ai/u/m:latest",
      "status": "queued",
      "added_at": "${NOW}",
      "finished_at": "0001-01-01T00:00:00Z"
    }
  ]
}`,
  );
  const left = [...Deno.readDirSync(`${it.root}/own`)].map(({ name }) => name).sort();
  assert.deepEqual(left, ["queue.json", "queue.lock"]);
});

Deno.test("case 111: changeQueue() adds to a queue of the Go program without changing its entries", async () => {
  await using it = await scratch();
  it.write(FROM_GO);
  await changeQueue(it.place, UNLIMITED, adding("user/new"));
  const text = it.text()!;
  const before = FROM_GO.slice(0, FROM_GO.lastIndexOf("}\n  ]") + 1);
  assert.ok(text.startsWith(`${before},\n    {\n      "model": "new",`), text);
});

Deno.test("changeQueue() does not write the file if nothing changes", async () => {
  await using it = await scratch();
  // Valid, but not in the format that either program writes.
  const text = JSON.stringify(JSON.parse(textOf("a", "b failed")));
  it.write(text);
  await changeQueue(it.place, UNLIMITED, adding("a"));
  assert.equal(it.text(), text);
});

Deno.test("changeQueue() changes nothing and releases the lock if the change is refused", async () => {
  await using it = await scratch();
  it.write(textOf("a"));
  const refused = () =>
    changeQueue(it.place, UNLIMITED, (queue) => {
      const { queue: after, removed } = remove(queue, [1, 2]);
      return { queue: after, result: removed };
    });
  await assert.rejects(refused, { message: "there is no entry 2 in the queue" });
  await changeQueue(it.place, UNLIMITED, adding("b"));
  assert.deepEqual(entriesIn(it.text()), ["a queued", "b queued"]);
});

Deno.test("every operation reports a damaged queue and leaves it unchanged", async () => {
  await using it = await scratch();
  for (const damaged of ['{"entries":[{"model":"a","tag', "\0\0\0\0", '{"entries":[1]}']) {
    it.write(damaged);
    const tries = [
      () => readQueue(it.place),
      () => viewQueue(it.place, UNLIMITED),
      () => changeQueue(it.place, UNLIMITED, adding("b")),
      () => becomeRunner(it.place, UNLIMITED),
    ];
    for (const attempt of tries) {
      await assert.rejects(attempt, (error: Error) => {
        assert.ok(error.message.startsWith(`cannot read the queue in ${it.place.file}: `));
        return true;
      });
      assert.equal(it.text(), damaged);
    }
  }
  it.write(textOf("a"));
  using _runner = await becomeRunner(it.place, UNLIMITED);
});

Deno.test("readQueue() refuses a file that is too large without reading it", async () => {
  await using it = await scratch();
  it.write("");
  Deno.truncateSync(it.place.file, 2 ** 31);
  await assert.rejects(() => readQueue(it.place), {
    kind: "local",
    message: /too large \(more than \d+ bytes\)$/,
  });
});

Deno.test("a crash or power cut at any step of a change leaves the old queue or the new one", async () => {
  const before = textOf("a", "b failed");
  let crashes = 0;
  for (let stopAfter = 0;; stopAfter++) {
    await using it = await scratch();
    it.write(before);
    const grave = `${it.root}/grave`;
    Deno.mkdirSync(grave);
    const disk = new RecordingDisk({ stopAfter, grave });
    const change = changeQueue(placeIn(`${it.root}/own`, disk), UNLIMITED, adding("c"));
    const done = await change.then(() => true, () => false);
    disk.cutPower(true);
    const after = entriesIn(it.text());
    if (done) {
      assert.deepEqual(after, ["a queued", "b failed", "c queued"]);
      break;
    }
    crashes++;
    const whole = after.length === 3 ? ["a queued", "b failed", "c queued"] : entriesIn(before);
    assert.deepEqual(after, whole);
    // Files left by the crash do not prevent the next change.
    await changeQueue(it.place, UNLIMITED, adding("d"));
    assert.equal(entriesIn(it.text()).at(-1), "d queued");
  }
  assert.ok(crashes >= 5, `${crashes} steps`);
});

Deno.test("case 109: viewQueue() shows an entry of a dead runner as queued, and the next change writes it", async () => {
  await using it = await scratch();
  const text = textOf("a completed", "b active", "c");
  it.write(text);
  const shown = await viewQueue(it.place, UNLIMITED);
  assert.deepEqual(entriesOf(shown), ["a completed", "b queued", "c queued"]);
  assert.equal(it.text(), text);
  await changeQueue(it.place, UNLIMITED, adding("b"));
  assert.deepEqual(entriesIn(it.text()), ["a completed", "b queued", "c queued"]);
});

testWith(
  ["readable locks"],
  "an entry of a running runner stays active during views and changes",
  async () => {
    await using it = await scratch();
    it.write(textOf("a active", "b"));
    await using runner = await otherHolder(it.place.runnerLock);
    assert.deepEqual(entriesOf(await viewQueue(it.place, UNLIMITED)), ["a active", "b queued"]);
    await changeQueue(it.place, UNLIMITED, adding("a", "c"));
    assert.deepEqual(entriesIn(it.text()), ["a active", "b queued", "c queued"]);
    const message = new RegExp(
      `^cannot start the queue: pid ${runner.pid} on .* is already running it$`,
    );
    await assert.rejects(() => becomeRunner(it.place, UNLIMITED), { kind: "busy", message });

    await runner.kill();
    using _lock = await becomeRunner(it.place, UNLIMITED);
    assert.deepEqual(entriesIn(it.text()), ["a queued", "b queued", "c queued"]);
  },
);

Deno.test("becomeRunner() is exclusive within one process too, and possible again afterwards", async () => {
  await using it = await scratch();
  {
    using _lock = await becomeRunner(it.place, UNLIMITED);
    await assert.rejects(() => becomeRunner(it.place, UNLIMITED), { kind: "busy" });
  }
  using _again = await becomeRunner(it.place, UNLIMITED);
});

testWith(
  ["readable locks"],
  "changeQueue() reports the holder that it waits for, and respects the time limit",
  async () => {
    await using it = await scratch();
    it.write(textOf("a active"));
    await using holder = await otherHolder(it.place.lock);
    const waited: (string | undefined)[] = [];
    const onWait: WaitOptions["onWait"] = (current) => waited.push(current);
    const limited = { ...UNLIMITED, limitMs: 600, onWait };
    await assert.rejects(() => changeQueue(it.place, limited, adding("b")), {
      kind: "busy",
      message: new RegExp(
        `^cannot change the queue: .*queue\\.lock is locked by pid ${holder.pid} on`,
      ),
    });
    assert.deepEqual(waited, [`pid ${holder.pid} on ${Deno.hostname()}`]);
    assert.deepEqual(entriesOf(await viewQueue(it.place, limited)), ["a active"]);

    const stop = new AbortController();
    const reason = new Error("enough");
    const stopped = changeQueue(it.place, { signal: stop.signal, onWait }, adding("b"));
    stop.abort(reason);
    await assert.rejects(() => stopped, reason);
    const late = changeQueue(it.place, UNLIMITED, adding("b"));
    await holder.kill();
    await late;
    assert.deepEqual(entriesIn(it.text()), ["a queued", "b queued"]);
  },
);

Deno.test("concurrent changes of several processes are all kept", async () => {
  await using it = await scratch();
  const script = new URL("./adder.ts", import.meta.url);
  const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
  const run = ["run", "--quiet", "-A", "--no-check", `--config=${config}`, script.href];
  const names = (prefix: string) => Array.from({ length: 15 }, (_, i) => `${prefix}${i}`);
  const processes = ["a", "b", "c"].map((prefix) =>
    new Deno.Command(Deno.execPath(), { args: [...run, it.root, ...names(prefix)] }).output()
  );
  for (const { success, stderr } of await Promise.all(processes)) {
    assert.ok(success, new TextDecoder().decode(stderr));
  }
  const bytes = await Deno.readFile(`${it.root}/.pullm/queue.json`);
  const found = parseQueue(bytes, "queue.json").entries.map(({ model }) => model);
  for (const prefix of ["a", "b", "c"]) {
    assert.deepEqual(found.filter((model) => model?.startsWith(prefix)), names(prefix));
  }
  assert.equal(found.length, 45);
});

mounted(
  "a queue in a read-only folder can be read, and a change fails with the reason",
  "size=1m",
  async (folder, remount) => {
    const place = placeIn(`${folder}/own`, realDisk);
    await Deno.mkdir(`${folder}/own`);
    await Deno.writeTextFile(place.file, textOf("a active"));
    await remount("ro");
    assert.deepEqual(entriesOf(await viewQueue(place, UNLIMITED)), ["a active"]);
    await assert.rejects(() => changeQueue(place, UNLIMITED, adding("b")), {
      kind: "local",
      message: /queue\.lock: read-only file system$/,
      hint: /--models-dir/,
    });
  },
);
