import assert from "node:assert/strict";
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
import { FROM_GO, PATIENT, placeIn, scratch, textOf, wordsIn, wordsOf } from "./place.ts";

const NOW = "2026-05-06T07:08:09.123+02:00";

function adding(...names: readonly string[]) {
  return (queue: Queue) => ({ queue: add(queue, names.map(parseName), NOW).queue, result: 7 });
}

Deno.test("changeQueue() makes what is missing, writes as Go does and hands on the result", async () => {
  await using it = await scratch();
  assert.equal(await changeQueue(it.place, PATIENT, adding("a", "u/m")), 7);
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

Deno.test("case 111: changeQueue() adds to a queue of the Go program and leaves all it wrote as it was", async () => {
  await using it = await scratch();
  it.write(FROM_GO);
  await changeQueue(it.place, PATIENT, adding("user/new"));
  const text = it.text()!;
  const before = FROM_GO.slice(0, FROM_GO.lastIndexOf("}\n  ]") + 1);
  assert.ok(text.startsWith(`${before},\n    {\n      "model": "new",`), text);
});

Deno.test("changeQueue() does not touch the file where nothing changes", async () => {
  await using it = await scratch();
  // Valid, but not as any of the two programs would write it.
  const text = JSON.stringify(JSON.parse(textOf("a", "b failed")));
  it.write(text);
  await changeQueue(it.place, PATIENT, adding("a"));
  assert.equal(it.text(), text);
});

Deno.test("changeQueue() changes nothing where the change is refused, and lets the lock go", async () => {
  await using it = await scratch();
  it.write(textOf("a"));
  const refused = () =>
    changeQueue(it.place, PATIENT, (queue) => {
      const { queue: after, removed } = remove(queue, [1, 2]);
      return { queue: after, result: removed };
    });
  await assert.rejects(refused, { message: "there is no entry 2 in the queue" });
  await changeQueue(it.place, PATIENT, adding("b"));
  assert.deepEqual(wordsIn(it.text()), ["a queued", "b queued"]);
});

Deno.test("a damaged queue is named and stays as it is, whatever one wants of it", async () => {
  await using it = await scratch();
  for (const damaged of ['{"entries":[{"model":"a","tag', "\0\0\0\0", '{"entries":[1]}']) {
    it.write(damaged);
    const tries = [
      () => readQueue(it.place),
      () => viewQueue(it.place, PATIENT),
      () => changeQueue(it.place, PATIENT, adding("b")),
      () => becomeRunner(it.place, PATIENT),
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
  using _runner = await becomeRunner(it.place, PATIENT);
});

Deno.test("readQueue() does not read a file into memory that is no queue by its size", async () => {
  await using it = await scratch();
  it.write("");
  Deno.truncateSync(it.place.file, 2 ** 31);
  await assert.rejects(() => readQueue(it.place), { kind: "local", message: /it is too large$/ });
});

Deno.test("a crash at any step of a change leaves the old queue or the new one, also after a power cut", async () => {
  const before = textOf("a", "b failed");
  let crashes = 0;
  for (let stopAfter = 0;; stopAfter++) {
    await using it = await scratch();
    it.write(before);
    const grave = `${it.root}/grave`;
    Deno.mkdirSync(grave);
    const disk = new RecordingDisk({ stopAfter, grave });
    const change = changeQueue(placeIn(`${it.root}/own`, disk), PATIENT, adding("c"));
    const done = await change.then(() => true, () => false);
    disk.cutPower(true);
    const after = wordsIn(it.text());
    if (done) {
      assert.deepEqual(after, ["a queued", "b failed", "c queued"]);
      break;
    }
    crashes++;
    const whole = after.length === 3 ? ["a queued", "b failed", "c queued"] : wordsIn(before);
    assert.deepEqual(after, whole);
    // What the crash left lying about is in nobody's way.
    await changeQueue(it.place, PATIENT, adding("d"));
    assert.equal(wordsIn(it.text()).at(-1), "d queued");
  }
  assert.ok(crashes >= 5, `${crashes} steps`);
});

Deno.test("case 109: an entry of a dead runner waits again: shown so at once, written with the next change", async () => {
  await using it = await scratch();
  const text = textOf("a completed", "b active", "c");
  it.write(text);
  const shown = await viewQueue(it.place, PATIENT);
  assert.deepEqual(wordsOf(shown), ["a completed", "b queued", "c queued"]);
  assert.equal(it.text(), text);
  await changeQueue(it.place, PATIENT, adding("b"));
  assert.deepEqual(wordsIn(it.text()), ["a completed", "b queued", "c queued"]);
});

Deno.test("an entry of a living runner stays active, whoever looks and whatever is added", async () => {
  await using it = await scratch();
  it.write(textOf("a active", "b"));
  await using runner = await otherHolder(it.place.runnerLock);
  assert.deepEqual(wordsOf(await viewQueue(it.place, PATIENT)), ["a active", "b queued"]);
  await changeQueue(it.place, PATIENT, adding("a", "c"));
  assert.deepEqual(wordsIn(it.text()), ["a active", "b queued", "c queued"]);
  const who = new RegExp(`^cannot start the queue: it is being worked on by pid ${runner.pid} on `);
  await assert.rejects(() => becomeRunner(it.place, PATIENT), { kind: "busy", message: who });

  await runner.kill();
  using _lock = await becomeRunner(it.place, PATIENT);
  assert.deepEqual(wordsIn(it.text()), ["a queued", "b queued", "c queued"]);
});

Deno.test("becomeRunner() is refused within the same process too, and free again afterwards", async () => {
  await using it = await scratch();
  {
    using _lock = await becomeRunner(it.place, PATIENT);
    await assert.rejects(() => becomeRunner(it.place, PATIENT), { kind: "busy" });
  }
  using _again = await becomeRunner(it.place, PATIENT);
});

Deno.test("changeQueue() says for whom it waits, and waits no longer than it was told", async () => {
  await using it = await scratch();
  it.write(textOf("a active"));
  await using holder = await otherHolder(it.place.lock);
  const waited: (string | undefined)[] = [];
  const onWait: WaitOptions["onWait"] = (who) => waited.push(who);
  const patience = { ...PATIENT, limitMs: 600, onWait };
  await assert.rejects(() => changeQueue(it.place, patience, adding("b")), {
    kind: "busy",
    message: new RegExp(`^cannot change the queue: .*queue\\.lock is held by pid ${holder.pid} on`),
  });
  assert.deepEqual(waited, [`pid ${holder.pid} on ${Deno.hostname()}`]);
  assert.deepEqual(wordsOf(await viewQueue(it.place, patience)), ["a active"]);

  const stop = new AbortController();
  const reason = new Error("enough");
  const stopped = changeQueue(it.place, { signal: stop.signal, onWait }, adding("b"));
  stop.abort(reason);
  await assert.rejects(() => stopped, reason);
  const late = changeQueue(it.place, PATIENT, adding("b"));
  await holder.kill();
  await late;
  assert.deepEqual(wordsIn(it.text()), ["a queued", "b queued"]);
});

Deno.test("changes of several processes at once all count", async () => {
  await using it = await scratch();
  const script = new URL("./adder.ts", import.meta.url);
  const config = decodeURIComponent(new URL("../../deno.json", import.meta.url).pathname);
  const run = ["run", "--quiet", "-A", "--no-check", `--config=${config}`, script.href];
  const names = (who: string) => Array.from({ length: 15 }, (_, i) => `${who}${i}`);
  const processes = ["a", "b", "c"].map((who) =>
    new Deno.Command(Deno.execPath(), { args: [...run, it.root, ...names(who)] }).output()
  );
  for (const { success, stderr } of await Promise.all(processes)) {
    assert.ok(success, new TextDecoder().decode(stderr));
  }
  const bytes = await Deno.readFile(`${it.root}/.pullm/queue.json`);
  const found = parseQueue(bytes, "queue.json").entries.map(({ model }) => model);
  for (const who of ["a", "b", "c"]) {
    assert.deepEqual(found.filter((model) => model?.startsWith(who)), names(who));
  }
  assert.equal(found.length, 45);
});

mounted(
  "a queue in a read-only folder can be read, and whoever wants to change it is told why not",
  "size=1m",
  async (folder, remount) => {
    const place = placeIn(`${folder}/own`, realDisk);
    await Deno.mkdir(`${folder}/own`);
    await Deno.writeTextFile(place.file, textOf("a active"));
    await remount("ro");
    assert.deepEqual(wordsOf(await viewQueue(place, PATIENT)), ["a active"]);
    await assert.rejects(() => changeQueue(place, PATIENT, adding("b")), {
      kind: "local",
      message: /queue\.lock: the file system is read-only$/,
      hint: /--models-dir/,
    });
  },
);
