import assert from "node:assert/strict";
import { randomNumbers } from "../../random.ts";
import { SEED } from "../../seed.ts";
import { END, headerOf } from "../../../src/archive/format.ts";
import { exists } from "../../fakes/exists.ts";
import { makeModel } from "../../fakes/model.ts";
import { install } from "../../store/installed_models.ts";
import { fakeClock } from "../../ui/fake_clock.ts";
import { fakeHost } from "../fake_host.ts";
import { contentOf, piecesOf, type Place, place, SIZE } from "./place.ts";

/** Writes the archive of both models, and returns its path. */
async function archive(at: Place, ...models: readonly string[]): Promise<string> {
  const file = `${at.folder}/x.tar`;
  await Deno.writeFile(file, await at.exported(...models));
  return file;
}

function lastOf(out: string) {
  return JSON.parse(out.trimEnd().split("\n").at(-1)!);
}

Deno.test("an import gives the same models, and does nothing the second time", async () => {
  await using at = await place();
  const file = await archive(at, "a", "b");
  const other = `${at.folder}/other`;
  const first = await at.ran(["import", file], other);
  assert.equal(first.code, 0, first.err);
  assert.match(
    first.out,
    /^importing a:latest\n[^]*imported a:latest, .*\n[^]*2 of 2 models imported\n/,
  );
  assert.deepEqual(contentOf(other), contentOf(at.models));
  const again = await at.ran(["import", file, "--output", "json"], other);
  assert.deepEqual([again.code, lastOf(again.out).FetchedBytes], [0, 0]);
});

Deno.test("an import of parts needs only one of their names, and misses none", async () => {
  await using at = await place();
  const file = `${at.folder}/x.tar`;
  assert.equal((await at.ran(["export", "--all", "-o", file, "--split", "1M"])).code, 0);
  for (const [i, given] of [["x.tar"], ["x.tar.002"], ["x.tar.000", "x.tar.001"]].entries()) {
    const other = `${at.folder}/other${i}`;
    const { code, err } = await at.ran(
      ["import", ...given.map((name) => `${at.folder}/${name}`)],
      other,
    );
    assert.equal(code, 0, err);
    assert.deepEqual(contentOf(other), contentOf(at.models));
  }
  await Deno.remove(`${file}.001`);
  const gap = await at.ran(["import", `${file}.000`], `${at.folder}/gap`);
  assert.match(gap.err, /x\.tar\.001 is missing\nhint: put all parts .* into one folder/);
  assert.ok(!exists(`${at.folder}/gap`));
});

Deno.test("a dry run says what would be imported and changes nothing", async () => {
  await using at = await place();
  const other = `${at.folder}/other`;
  const { code, out } = await at.ran(
    ["import", await archive(at, "a"), "--dry-run", "--output", "json"],
    other,
  );
  assert.equal(code, 0);
  assert.equal(lastOf(out).event, "dry_run");
  assert.ok(!exists(other));
});

Deno.test("a model that is installed with another manifest is replaced only with --replace", async () => {
  await using at = await place();
  const file = await archive(at, "a", "b");
  const other = `${at.folder}/other`;
  install(other, "a/latest", makeModel({ size: 5000, seed: 7 }));
  const before = contentOf(other).filter((row) => row.includes("/a/latest"));
  const refused = await at.ran(["import", file], other);
  assert.equal(refused.code, 1);
  assert.match(
    refused.err,
    /cannot import a:latest: it is installed as [0-9a-f]{12}, and the archive has [0-9a-f]{12}\nhint: .*--replace/,
  );
  assert.deepEqual(contentOf(other).filter((row) => row.includes("/a/latest")), before);
  assert.match((await at.ran(["list", "-q"], other)).out, /b:latest/);
  const { code, err } = await at.ran(["import", file, "--replace"], other);
  assert.equal(code, 0, err);
  assert.deepEqual(contentOf(other), contentOf(at.models));
});

Deno.test("a blob that is left out must be there already, else nothing of the model is visible", async () => {
  await using at = await place();
  const list = `${at.folder}/have.txt`;
  await Deno.writeTextFile(list, (await at.ran(["list", "--digests"])).out);
  const file = `${at.folder}/x.tar`;
  assert.equal((await at.ran(["export", "a", "-o", file, "--skip-list", list])).code, 0);
  const other = `${at.folder}/other`;
  const { code, err } = await at.ran(["import", file], other);
  assert.equal(code, 1);
  assert.match(
    err,
    /cannot import a:latest: blob [0-9a-f]{12} is neither in .*x\.tar nor installed\nhint: /,
  );
  assert.deepEqual(contentOf(other), []);
  assert.equal((await at.ran(["import", file])).code, 0);
});

Deno.test("a damaged archive is reported, whatever is damaged, and no wrong byte becomes visible", async () => {
  await using at = await place();
  const whole = await at.exported("a");
  const random = randomNumbers(SEED);
  const kinds = new Set<string>();
  for (let round = 0; round < 12; round++) {
    const bad = whole.slice();
    const where = round < 6 ? Math.floor(random() * whole.length) : whole.length - 1 - 512 * round;
    bad[where]! ^= 0x10;
    const [file, other] = [`${at.folder}/bad.tar`, `${at.folder}/other${round}`];
    await Deno.writeFile(file, bad);
    const ran = round % 2 ? await at.imported(bad, other) : await at.ran(["import", file], other);
    const seen = `byte ${where}, seed ${SEED}: ${ran.out}${ran.err}`;
    assert.doesNotMatch(ran.err, /this is a bug|at file:/, seen);
    for (const row of contentOf(other)) {
      const [path, digest] = row.split(" ");
      if (path!.startsWith("blobs/")) assert.equal(path, `blobs/sha256-${digest}`, seen);
    }
    // A bit of padding or of a time means nothing.
    if (ran.code === 0) {
      assert.deepEqual(contentOf(other).length, contentOf(at.models).length - 1 - 1, seen);
    } else {kinds.add(
        /\bit is damaged|digest mismatch|no manifest|cut off|has "|not a tar/.exec(ran.err)?.[0] ??
          ran.err,
      );}
  }
  assert.ok(kinds.size > 0 && [...kinds].every((kind) => kind.length < 20), [...kinds].join("; "));
});

Deno.test("an archive that is cut off is refused before anything is written", async () => {
  await using at = await place();
  const whole = await at.exported("a");
  const file = `${at.folder}/x.tar`;
  for (const length of [0, 100, 512, 5000, whole.length - 1600]) {
    await Deno.writeFile(file, whole.subarray(0, length));
    const { code, err } = await at.ran(["import", file], `${at.folder}/other`);
    assert.equal(code, 1, String(length));
    assert.match(err, /cannot import .*x\.tar: it (is cut off|is empty|has no manifest)/);
    assert.ok(!exists(`${at.folder}/other`));
  }
});

Deno.test("what is no archive is reported as what it is", async () => {
  await using at = await place();
  const file = `${at.folder}/x`;
  const gzip = new Response(
    new Blob([new Uint8Array(2000)]).stream().pipeThrough(new CompressionStream("gzip")),
  );
  for (
    const [bytes, message] of [
      [new Uint8Array(600).fill(65), /it is not a tar archive/],
      [
        new Uint8Array([...new Uint8Array(await gzip.arrayBuffer()), ...new Uint8Array(600)]),
        /it is compressed with gzip\nhint: .*gzip -dc FILE \| pullama import -/,
      ],
      [new Uint8Array(1024), /it has no manifest/],
    ] as const
  ) {
    await Deno.writeFile(file, bytes);
    const { code, err } = await at.ran(["import", file], `${at.folder}/other`);
    assert.equal(code, 1);
    assert.match(err, message);
  }
  const missing = await at.ran(["import", `${file}2`], `${at.folder}/other`);
  assert.match(missing.err, /cannot read .*x2: no such file/i);
  const folder = await at.ran(["import", at.models], `${at.folder}/other`);
  assert.match(folder.err, /models is not a file\nhint: for a pipe, .*import -/);
});

Deno.test("a stream that breaks off keeps what has come, and the next one does not write it again", async () => {
  await using at = await place();
  const whole = await at.exported("a", "b");
  const other = `${at.folder}/other`;
  for (const share of [0.2, 0.5, 0.8]) {
    const { code, err } = await at.imported(whole.subarray(0, share * whole.length), other, 10_000);
    assert.equal(code, 1);
    assert.match(err, /cannot import standard input: it is cut off: .*\nhint: .* kept/);
    assert.deepEqual(contentOf(other).filter((row) => row.startsWith("manifests")), []);
  }
  const kept = partialBytes(other);
  assert.ok(kept > 0.8 * whole.length - SIZE, `${kept} bytes are kept`);
  const { code, out, err } = await at.imported(whole, other);
  assert.equal(code, 0, err);
  assert.match(out, /imported a:latest, .*0 B imported/);
  assert.deepEqual(contentOf(other), contentOf(at.models));
});

Deno.test("a stream shows its progress also while it passes what is there", async () => {
  await using at = await place();
  const whole = await at.exported("a");
  const clock = fakeClock();
  const steady = new TransformStream<Uint8Array, Uint8Array>({
    transform(piece, controller) {
      clock.advance(1000);
      controller.enqueue(piece);
    },
  });
  const input = () => piecesOf(whole, 100_000).pipeThrough(steady);
  const args = ["import", "-", "--output", "json"];
  const { code, out, err } = await at.ran(args, at.models, { ...fakeHost(), clock, input });
  assert.equal(code, 0, err);
  const read = [...out.matchAll(/"ReadBytes":(\d+)/g)].map(([, bytes]) => Number(bytes));
  assert.ok(read.length > whole.length / 200_000, `${read.length} times`);
  assert.ok(read.some((bytes) => bytes < whole.length / 2), String(read));
});

/** Bytes of unfinished and of ready files. */
function partialBytes(models: string): number {
  let sum = 0;
  for (const folder of [`${models}/.pullm`, `${models}/.pullm/ready`]) {
    for (const { name } of Deno.readDirSync(folder)) {
      if (/^sha256-[0-9a-f]{64}(\.partial)?$/.test(name)) {
        sum += Deno.statSync(`${folder}/${name}`).size;
      }
    }
  }
  return sum;
}

Deno.test("a damaged blob in a stream is reported, and a good stream after it is imported", async () => {
  await using at = await place();
  const whole = await at.exported("a");
  const bad = whole.slice();
  bad[whole.length >> 1]! ^= 1;
  const other = `${at.folder}/other`;
  const { code, err } = await at.imported(bad, other);
  assert.equal(code, 1);
  assert.match(
    err,
    /digest mismatch in blob [0-9a-f]{12}: it is [0-9a-f]{12}\nhint: the archive is damaged/,
  );
  assert.equal((await at.imported(whole, other)).code, 0);
  assert.equal((await at.ran(["verify", "--full"], other)).code, 0);
});

Deno.test("a signal while a stream is read keeps what has come", async () => {
  await using at = await place();
  const whole = await at.exported("a");
  const host = fakeHost();
  let sent = 0;
  const input = () =>
    new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(whole.slice(sent, sent + 100_000));
        sent += 100_000;
        if (sent > whole.length / 2) host.interrupt();
      },
    });
  const other = `${at.folder}/other`;
  const args = ["import", "-", "--output", "json"];
  const { code, out, err } = await at.ran(args, other, { ...host, input });
  assert.equal(code, 0, err);
  assert.equal(JSON.parse(out.trimEnd().split("\n").at(-1)!).event, "import_interrupted");
  assert.match(host.err.text, /^interrupted - resume with: pullama import - --models-dir /m);
  assert.ok(partialBytes(other) > whole.length / 4);
});

Deno.test("command lines that make no sense are reported", async () => {
  await using at = await place();
  for (
    const [args, message] of [
      [[], /missing required argument 'file'/],
      [["-", "x.tar"], /- is all of the input/],
      [["-", "--dry-run"], /--dry-run is of no use with -/],
      [["-", "--limit-rate", "1M"], /--limit-rate is of no use with -/],
    ] as const
  ) {
    const { code, err } = await at.ran(["import", ...args]);
    assert.equal(code, 1, args.join(" "));
    assert.match(err, message);
  }
});

Deno.test("a blob that is installed, or partly downloaded, survives an archive that lies about its size", async () => {
  await using at = await place();
  const before = contentOf(at.models);
  const weights = before.map((row) => row.split(" ")[0]!).filter((path) =>
    path.startsWith("blobs/")
  )
    .toSorted((a, b) =>
      Deno.statSync(`${at.models}/${b}`).size - Deno.statSync(`${at.models}/${a}`).size
    )[0]!;
  const hex = weights.slice("blobs/sha256-".length);
  const body = new TextEncoder().encode("x");
  const manifest = new TextEncoder().encode(JSON.stringify({
    schemaVersion: 2,
    layers: [{
      mediaType: "application/vnd.ollama.image.model",
      digest: `sha256:${hex}`,
      size: body.length,
    }],
  }));
  const lie = new Uint8Array(
    await new Blob([
      headerOf({ path: weights, size: body.length, modifiedMs: 0 }),
      body,
      new Uint8Array(511),
      headerOf({
        path: "manifests/registry.ollama.ai/library/evil/latest",
        size: manifest.length,
        modifiedMs: 0,
      }),
      manifest,
      new Uint8Array(512 - manifest.length % 512),
      END,
    ] as BlobPart[]).arrayBuffer(),
  );
  const file = `${at.folder}/lie.tar`;
  await Deno.writeFile(file, lie);
  // Partly there in another folder.
  const whole = await at.exported("a");
  const other = `${at.folder}/other`;
  await at.imported(whole.subarray(0, whole.length >> 1), other);
  const kept = partialBytes(other);
  for (const models of [at.models, other]) {
    for (const ran of [await at.imported(lie, models), await at.ran(["import", file], models)]) {
      assert.equal(ran.code, 1, ran.out);
      if (ran.err.includes("one of the two is wrong")) {
        assert.match(ran.err, /hint: .*pullama clean/);
      }
      assert.match(
        ran.err,
        /is installed with \d+ bytes, and it is right|one of the two is wrong|digest mismatch/,
      );
    }
  }
  assert.deepEqual(contentOf(at.models), before);
  assert.equal(partialBytes(other), kept);
  assert.equal((await at.imported(whole, other)).code, 0);
});

Deno.test("a stream of the right bytes heals what a damaged one has left", async () => {
  await using at = await place();
  const whole = await at.exported("a");
  const bad = whole.slice(0, whole.length - 10_000);
  bad[whole.length >> 1]! ^= 1;
  const other = `${at.folder}/other`;
  assert.equal((await at.imported(bad.subarray(0, whole.length * 0.7), other)).code, 1);
  const second = await at.imported(whole, other);
  assert.match(second.err, /hint: import the archive again: that part is stored anew/);
  const third = await at.imported(whole, other);
  assert.equal(third.code, 0, third.err);
});

Deno.test("what --replace replaces is freed, also with a stream", async () => {
  await using at = await place();
  const whole = await at.exported("a");
  const other = `${at.folder}/other`;
  const old = install(other, "a/latest", makeModel({ size: 500_000, seed: 7 }));
  const host = { ...fakeHost(), input: () => piecesOf(whole, 50_000) };
  assert.equal((await at.ran(["import", "-", "--replace"], other, host)).code, 0);
  assert.deepEqual(old.blobs.filter((path) => exists(path) && Deno.statSync(path).size > 1000), []);
});
