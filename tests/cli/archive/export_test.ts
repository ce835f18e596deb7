import assert from "node:assert/strict";
import { randomNumbers } from "../../random.ts";
import { SEED } from "../../seed.ts";
import { exists } from "../../fakes/exists.ts";
import { flip } from "../../fakes/flip.ts";
import { type FakeHost, fakeHost } from "../fake_host.ts";
import type { Installed } from "../../store/installed_models.ts";
import { contentOf, place, type Ran } from "./place.ts";

/** The names in a folder, sorted. */
function topOf(folder: string): readonly string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

/** The file of the weights. */
function largest({ blobs }: Installed): string {
  return blobs.toSorted((a, b) => Deno.statSync(b).size - Deno.statSync(a).size)[0]!;
}

const MIB = 1 << 20;
const UNIX = Deno.build.os !== "windows";

Deno.test("an export has the blobs first, then the manifests, and says what it has", async () => {
  await using at = await place();
  const file = `${at.folder}/x.tar`;
  const { code, out, err } = await at.ran(["export", "a", "b", "-o", file]);
  assert.equal(code, 0, err);
  assert.match(out, /^\+ exported 2 models to .*x\.tar\n {2}\d+ blobs, [\d.]+ MB, .*\n$/);
  const bytes = await Deno.readFile(file);
  const names = [
    ...new TextDecoder("latin1").decode(bytes).matchAll(/(blobs|manifests)\/[\w./-]+/g),
  ]
    .map(([name]) => name);
  const first = names.findIndex((name) => name.startsWith("manifests/"));
  assert.ok(names.slice(0, first).every((name) => name.startsWith("blobs/sha256-")));
  assert.deepEqual(names.slice(first), [
    "manifests/registry.ollama.ai/library/a/latest",
    "manifests/registry.ollama.ai/library/b/latest",
  ]);
  assert.deepEqual(topOf(at.folder), ["models", "x.tar"]);
  assert.deepEqual(await at.exported("a", "b"), bytes);
});

Deno.test("an export that was interrupted anywhere continues and becomes the same archive", async () => {
  await using at = await place();
  const whole = await at.exported("a", "b");
  const random = randomNumbers(SEED);
  const file = `${at.folder}/x.tar`;
  for (const share of [0, 0.001, 0.3, 0.6, 0.9, 0.99, 1, random(), random()]) {
    const length = Math.floor(share * whole.length);
    await Deno.writeFile(`${file}.partial`, whole.subarray(0, length));
    const { code, out, err } = await at.ran(["export", "a", "b", "-o", file, "--output", "json"]);
    assert.equal(code, 0, err);
    assert.deepEqual(await Deno.readFile(file), whole, `after ${length} bytes, seed ${SEED}`);
    const ended = JSON.parse(out.trimEnd().split("\n").at(-1)!);
    assert.equal(ended.event, "export_completed");
    // A header that is cut is written again.
    assert.ok(ended.KeptBytes > length - 1024 && ended.KeptBytes <= length, `${ended.KeptBytes}`);
    await Deno.remove(file);
  }
});

Deno.test("whatever a power cut leaves of an archive, the next run makes it right", async () => {
  await using at = await place();
  const whole = await at.exported("a", "b");
  const random = randomNumbers(SEED);
  const file = `${at.folder}/x.tar`;
  for (let round = 0; round < 8; round++) {
    const torn = whole.slice(0, Math.floor(random() * whole.length * 1.2));
    const longer = new Uint8Array(Math.floor(whole.length * (0.2 + random())));
    longer.set(torn.subarray(0, longer.length));
    const from = Math.floor(random() * longer.length);
    longer.fill(0, from, from + 4096 * Math.ceil(random() * 100));
    await Deno.writeFile(`${file}.partial`, longer);
    const { code, err } = await at.ran(["export", "a", "b", "-o", file]);
    assert.equal(code, 0, err);
    assert.deepEqual(await Deno.readFile(file), whole, `round ${round}, seed ${SEED}`);
    await Deno.remove(file);
  }
});

Deno.test("a signal keeps what was written, and tells how to continue", async () => {
  await using at = await place();
  const file = `${at.folder}/x.tar`;
  const host = fakeHost();
  const stopping = {
    ...host,
    out: {
      ...host.out,
      write(text: string) {
        host.out.write(text);
        if (text.includes('"export_start"')) host.interrupt();
      },
    },
  };
  const args = ["export", "a", "-o", file, "--output", "json"];
  const { code, err } = await at.ran(args, at.models, stopping);
  assert.equal(code, 0);
  assert.match(
    err,
    /^interrupted - resume with: pullama export a -o .*x\.tar --models-dir /,
  );
  assert.ok(exists(`${file}.partial`) && !exists(file));
  const last = JSON.parse(host.out.text.trimEnd().split("\n").at(-1)!);
  assert.equal(last.event, "export_interrupted");
});

Deno.test("an archive on stdout that a signal cuts off is a failure: it cannot be continued", async () => {
  await using at = await place();
  const host = fakeHost();
  const binaryOut = () => Promise.resolve(host.interrupt());
  const args = ["export", "a", "-o", "-", "--output", "json"];
  const { code } = await at.ran(args, at.models, { ...host, binaryOut });
  assert.equal(code, 1);
  const last = JSON.parse(host.err.text.trimEnd().split("\n").at(-1)!);
  assert.deepEqual([last.event, last.error.exit_code], ["error", 1]);
});

Deno.test("an error of an archive on stdout is reported beside it, also as a document", async () => {
  await using at = await place();
  const { code, out, err } = await at.ran(["export", "nosuch", "-o", "-", "--output", "json"]);
  assert.notEqual(code, 0);
  assert.equal(out, "");
  assert.equal(JSON.parse(err.trimEnd().split("\n").at(-1)!).event, "error");
});

Deno.test("parts are no larger than wanted, together the same archive, and continue as well", async () => {
  await using at = await place();
  const whole = await at.exported("a", "b");
  const file = `${at.folder}/x.tar`;
  const args = ["export", "--all", "-o", file, "--split", "1M"];
  const assertParts = async () => {
    const parts = topOf(at.folder).filter((name) => name.startsWith("x.tar"));
    assert.equal(parts.length, Math.ceil(whole.length / 1e6));
    assert.deepEqual(parts.slice(0, 2), ["x.tar.000", "x.tar.001"]);
    const read = parts.map((name) => Deno.readFileSync(`${at.folder}/${name}`));
    assert.ok(read.slice(0, -1).every(({ length }) => length === 1e6));
    assert.deepEqual(new Uint8Array(await new Blob(read as BlobPart[]).arrayBuffer()), whole);
  };
  assert.equal((await at.ran(args)).code, 0);
  await assertParts();
  const again = await at.ran(args);
  assert.match(again.err, /x\.tar\.000 exists\nhint: .*--force/);
  // As a kill between two renames leaves it.
  const count = Math.ceil(whole.length / 1e6);
  for (let i = 2; i < count; i++) await Deno.rename(`${file}.00${i}`, `${file}.00${i}.partial`);
  const json = await at.ran([...args, "--output", "json"]);
  assert.equal(json.code, 0, json.err);
  assert.equal(JSON.parse(json.out.trimEnd().split("\n").at(-1)!).KeptBytes, whole.length);
  await assertParts();
  // Other parts than before, of which there are fewer.
  assert.equal((await at.ran([...args.slice(0, -1), "2M", "--force"])).code, 0);
  assert.equal(topOf(at.folder).filter((name) => name.startsWith("x.tar")).length, 2);
});

Deno.test("an archive that is there is only replaced with --force, and stays until the new one is whole", async () => {
  await using at = await place();
  const file = `${at.folder}/x.tar`;
  await Deno.writeTextFile(file, "other");
  const args = ["export", "b", "-o", file];
  const refused = await at.ran(args);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /x\.tar exists\nhint: choose another name, or replace it with --force/);
  assert.equal(await Deno.readTextFile(file), "other");
  assert.equal((await at.ran([...args, "--force"])).code, 0);
  assert.deepEqual(await Deno.readFile(file), await at.exported("b"));
});

Deno.test("a damaged blob is not exported", async () => {
  await using at = await place();
  flip(largest(at.a), 1000);
  const file = `${at.folder}/x.tar`;
  const { code, err } = await at.ran(["export", "b", "a", "-o", file]);
  assert.equal(code, 1);
  assert.match(err, /digest mismatch in blob [0-9a-f]{12}\nhint: .*verify --repair/);
  assert.ok(!exists(file));
});

Deno.test("a blob that another program overwrites while it is exported is an error", async () => {
  await using at = await place();
  // An import has verified it: it is not hashed again.
  const models = `${at.folder}/imported`;
  assert.equal((await at.imported(await at.exported("a"), models)).code, 0);
  const path = largest(at.a).replace(at.models, models);
  let written = 0;
  const host: FakeHost = {
    ...fakeHost(),
    binaryOut({ length }) {
      if (written === 0 && length === MIB) {
        using blob = Deno.openSync(path, { write: true });
        blob.seekSync(-1000, Deno.SeekMode.End);
        blob.writeSync(new Uint8Array(500));
      }
      if (length === MIB) written++;
      return Promise.resolve();
    },
  };
  const { code, err } = await at.ran(["export", "a", "-o", "-"], models, host);
  assert.ok(written > 0);
  assert.equal(code, 1, err);
  assert.match(err, /blob [0-9a-f]{12} was changed while it was exported\nhint: run the same/);
  const again = await at.ran(["export", "a", "-o", `${at.folder}/x.tar`], models);
  assert.match(again.err, /digest mismatch in blob [0-9a-f]{12}\n/);
});

Deno.test("models that are missing or not complete are named before anything is written", async () => {
  await using at = await place();
  const file = `${at.folder}/x.tar`;
  const missing = await at.ran(["export", "a", "nosuch", "-o", file]);
  assert.equal(missing.code, 4);
  assert.match(missing.err, /nosuch:latest is not installed in .*models\nhint: .*pullama list/);
  await Deno.remove(largest(at.b));
  const incomplete = await at.ran(["export", "--all", "-o", file]);
  assert.equal(incomplete.code, 4);
  assert.match(
    incomplete.err,
    /b:latest is not complete: blob [0-9a-f]{12} is missing\nhint: .*pullama b:latest/,
  );
  assert.deepEqual(topOf(at.folder), ["models"]);
});

Deno.test("blobs of a skip list are left out, as list --digests prints them", async () => {
  await using at = await place();
  const list = `${at.folder}/have.txt`;
  const { out } = await at.ran(["list", "--digests"]);
  await Deno.writeTextFile(list, out.split("\n").filter((row) => !row.startsWith("b:")).join("\n"));
  const file = `${at.folder}/x.tar`;
  const skipped = await at.ran(["export", "a", "-o", file, "--skip-list", list]);
  assert.equal(skipped.code, 0, skipped.err);
  assert.match(skipped.out, /0 blobs, \d+ left out, /);
  assert.ok(Deno.statSync(file).size < 10_000);
  await Deno.writeTextFile(list, "nothing\n");
  const none = await at.ran(["export", "a", "-o", `${file}2`, "--skip-list", list]);
  assert.match(none.err, /have\.txt has no digest\nhint: .*pullama list --digests/);
});

Deno.test("command lines that make no sense are reported", async () => {
  await using at = await place();
  for (
    const [args, message] of [
      [["a"], /required option '-o, --file <file>' not specified|--file/],
      [["-o", "x.tar"], /name the models to export, or --all/],
      [["a", "--all", "-o", "x.tar"], /--all is all models: name none/],
      [["a", "-o", "-"], /an archive is not written to a terminal\nhint: .*--file/],
      [["a", "-o", "-", "--split", "1G"], /--split is of no use with --file -/],
      [["a", "-o", "x.tar", "--split", "5"], /Expected a size of 64K or more/],
    ] as const
  ) {
    const { code, err } = await at.ran(["export", ...args]);
    assert.equal(code, 1, args.join(" "));
    assert.match(err, message);
  }
});

Deno.test("a folder that cannot be written to is reported with its path", async () => {
  if (!UNIX) return;
  await using at = await place();
  const { code, err } = await at.ran(["export", "a", "-o", `${at.folder}/none/x.tar`]);
  assert.equal(code, 1);
  assert.match(err, /cannot create .*none\/x\.tar: no such file or directory/);
});

Deno.test("a model of the archive is the installed one, and nothing changes in the models folder", async () => {
  await using at = await place();
  const before = contentOf(at.models);
  await at.exported("a", "b");
  assert.deepEqual(contentOf(at.models), before);
  assert.deepEqual(topOf(at.models), ["blobs", "manifests"]);
});

Deno.test("parts of another archive are not touched without --force, and never end up in a new one", async () => {
  await using at = await place();
  const whole = await at.exported("b");
  const file = `${at.folder}/x.tar`;
  await Deno.writeTextFile(`${file}.002`, "foreign");
  const args = ["export", "b", "-o", file, "--split", "100K"];
  const refused = await at.ran(args);
  assert.match(refused.err, /x\.tar\.002 exists\nhint: .*--force/);
  assert.equal(await Deno.readTextFile(`${file}.002`), "foreign");
  await Deno.remove(`${file}.002`);
  // Drafts of a larger archive with other parts, of which one is too long, and one is missing.
  for (const [number, size] of [[0, 300_000], [1, 100_000], [2, 100_000], [15, 70_000]] as const) {
    await Deno.writeFile(
      `${file}.${String(number).padStart(3, "0")}.partial`,
      new Uint8Array(size),
    );
  }
  const made = await at.ran(args);
  assert.equal(made.code, 0, made.err);
  const parts = topOf(at.folder).filter((name) => name.startsWith("x.tar"));
  const read = parts.map((name) => Deno.readFileSync(`${at.folder}/${name}`));
  assert.deepEqual(new Uint8Array(await new Blob(read as BlobPart[]).arrayBuffer()), whole);
  assert.ok(parts.every((name) => !name.endsWith(".partial") && !name.endsWith(".lock")));
});

Deno.test("two exports to one file do not mix: the second one is told who is first", async () => {
  await using at = await place();
  const file = `${at.folder}/x.tar`;
  const first = { ...fakeHost() };
  const second: Promise<unknown>[] = [];
  const host = {
    ...first,
    out: {
      ...first.out,
      write(text: string) {
        first.out.write(text);
        if (text.includes('"export_start"')) second.push(at.ran(["export", "b", "-o", file]));
      },
    },
  };
  assert.equal(
    (await at.ran(["export", "a", "-o", file, "--output", "json"], at.models, host)).code,
    0,
  );
  const [other] = await Promise.all(second) as Ran[];
  assert.ok(
    other!.code === 1 && /another process is writing .*x\.tar|x\.tar exists/.test(other!.err),
  );
  assert.deepEqual(await Deno.readFile(file), await at.exported("a"));
});

Deno.test("a model that is pinned to another manifest than the installed one is not exported", async () => {
  await using at = await place();
  const { code, err } = await at.ran([
    "export",
    `a@sha256:${"1".repeat(64)}`,
    "-o",
    `${at.folder}/x.tar`,
  ]);
  assert.equal(code, 1);
  assert.match(err, /the tag now has the manifest sha256:[0-9a-f]{64}, not sha256:1{64}/);
});
