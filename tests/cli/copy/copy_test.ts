import assert from "node:assert/strict";
import { run } from "../../../src/cli/program.ts";
import { wire } from "../../../src/cli/wire.ts";
import { linkTo } from "../../fakes/link.ts";
import type { AddedModel } from "../../fakes/registry.ts";
import { flip } from "../../fakes/flip.ts";
import { assertInstalled, filesIn, filesUnder } from "../../real/store.ts";
import { fakeHost } from "../fake_host.ts";
import { idOf, type Place, place, SIZE } from "../outdated/place.ts";
import { testWith } from "../../needs.ts";

const UNIX = Deno.build.os !== "windows";

/** Runs the program in the models folder of `at`. */
async function ran(at: Place, args: readonly string[], host = fakeHost()) {
  const code = await run([...args, "--models-dir", at.models], host, wire);
  return { code, out: host.out.text, err: host.err.text };
}

function assertHas(models: string, { name, manifest, layers, config }: AddedModel): void {
  assertInstalled(models, name, { manifest, blobs: [...layers, config!] });
}

function weights(models: string, { layers }: AddedModel): Deno.FileInfo {
  return Deno.lstatSync(`${models}/blobs/${layers[0]!.digest.replace(":", "-")}`);
}

Deno.test("cp makes the same model in another folder of the disk without a second copy of its bytes", async () => {
  await using at = await place();
  const model = await at.install("library/a:latest", 1);
  await at.install("library/b:latest", 2);
  const before = filesUnder(at.models);
  const other = `${at.models}/../other/models`;
  const { code, out, err } = await ran(at, ["cp", model.name, other]);
  assert.equal(code, 0, err);
  assert.match(
    out,
    new RegExp(`^copying ${model.name}\n[^]*copied ${model.name}, .*${idOf(model)}\n$`),
  );
  assertHas(other, model);
  assert.equal(filesIn(`${other}/blobs`).length, model.layers.length + 1);
  if (UNIX) assert.equal(weights(other, model).ino, weights(at.models, model).ino);
  assert.deepEqual(filesUnder(at.models), before);
  // Neither folder has to read the weights again.
  for (const models of [at.models, other]) {
    const checked = JSON.parse(
      lastLine((await at.ran(["verify", "--output", "json"], fakeHost(), models)).out),
    );
    assert.equal(checked.read_bytes, 0, JSON.stringify(checked));
  }
  const again = await ran(at, ["cp", model.name, other, "--output", "json"]);
  const last = JSON.parse(lastLine(again.out));
  assert.deepEqual([again.code, last.event, last.FetchedBytes], [0, "pull_completed", 0]);
});

Deno.test("cp copies and verifies where files of the other folder have another mode, and gives them that", async () => {
  if (!UNIX) return;
  await using at = await place();
  const model = await at.install("library/a:latest", 1);
  const other = `${at.models}/../other`;
  await Deno.mkdir(`${other}/blobs`, { recursive: true });
  await Deno.chmod(`${other}/blobs`, 0o770);
  const { code, out, err } = await ran(at, ["cp", "--all", other, "--output", "json"]);
  assert.equal(code, 0, err);
  assert.equal(JSON.parse(lastLine(out)).FetchedBytes > SIZE, true);
  assertHas(other, model);
  const file = weights(other, model);
  assert.equal(file.mode! & 0o777, 0o660);
  assert.notEqual(file.ino, weights(at.models, model).ino);
});

Deno.test("mv removes what it has moved by the rules of rm, and says so", async () => {
  await using at = await place();
  const [a, b] = [await at.install("library/a:latest", 1), await at.install("library/b:latest", 2)];
  const other = `${at.models}/../other`;
  const { code, out, err } = await ran(at, ["mv", a.name, other]);
  assert.equal(code, 0, err);
  assert.match(out, new RegExp(`\nremoved ${a.name} from .*models, .* freed\n$`));
  assertHas(other, a);
  assertHas(at.models, b);
  const shared = b.layers.map(({ digest }) => digest);
  const gone = a.layers.filter(({ digest }) => !shared.includes(digest));
  for (const { digest } of gone) {
    assert.throws(() => Deno.statSync(`${at.models}/blobs/${digest.replace(":", "-")}`));
  }
  assert.match((await ran(at, ["list", "-q"])).out, new RegExp(`^${b.name}\n$`));
  const back = await at.ran(["list", "-q"], fakeHost(), other);
  assert.equal(back.out, `${a.name}\n`);
});

testWith(
  ["file modes"],
  "mv of several models ends with an event for each in JSON, and keeps the one that is damaged",
  async () => {
    await using at = await place();
    const [a, b] = [
      await at.install("library/a:latest", 1),
      await at.install("library/b:latest", 2),
    ];
    const bad = `${at.models}/blobs/${a.layers[0]!.digest.replace(":", "-")}`;
    flip(bad, 1000);
    const other = `${at.models}/../other`;
    await Deno.mkdir(`${other}/blobs`, { recursive: true });
    // So that blobs have to be copied, which reads them.
    if (UNIX) await Deno.chmod(`${other}/blobs`, 0o770);
    const { code, out, err } = await ran(at, ["mv", "--all", other, "--output", "json"]);
    assert.equal(code, 1);
    assert.match(err, /cannot copy .*a:latest: /);
    assert.match(
      err,
      /hint: the model is damaged in .*models: repair it there with pullama verify --repair/,
    );
    const events = out.trimEnd().split("\n").map((line) => JSON.parse(line));
    const ends = events.filter(({ event }) => /_completed|_failed|^removed/.test(event));
    assert.deepEqual(ends.map(({ event, Name }) => [event, Name]).sort(), [
      ["pull_completed", b.name],
      ["pull_failed", a.name],
      ["removed", b.name],
    ]);
    assertHas(other, b);
    assert.equal((await ran(at, ["list", "-q"])).out, `${a.name}\n`);
    assert.equal((await at.ran(["list", "-q"], fakeHost(), other)).out, `${b.name}\n`);
  },
);

Deno.test("mv does not remove what has another version by then, nor what is hidden by the one that it copied", async () => {
  await using at = await place();
  const old = await at.install("library/a:latest", 1);
  const other = `${at.models}/../other`;
  // Another process stores another version after the copy.
  const busy: typeof wire = {
    ...wire,
    async removeModels(folder, names) {
      at.move("library/a:latest", 3);
      await at.ran(["pull", old.name, "--quiet"]);
      return await wire.removeModels(folder, names);
    },
  };
  const host = fakeHost();
  const code = await run(["mv", old.name, other, "--models-dir", at.models], host, busy);
  assert.equal(code, 1);
  assert.match(
    host.err.text,
    /cannot remove .*a:latest from .*: .* has another version than sha256:/,
  );
  assertHas(other, old);
  assert.equal((await ran(at, ["list", "-q"])).out, `${old.name}\n`);
  assert.equal((await ran(at, ["show", old.name])).code, 0);

  const b = await at.install("library/b:latest", 2);
  const path = b.name.replace(/:latest$/, "");
  const hiding = `${at.models}/manifests-v2/${path}`;
  await Deno.mkdir(hiding, { recursive: true });
  const another = `${at.models}/manifests/${old.name.replace(/:latest$/, "/latest")}`;
  await Deno.copyFile(another, `${hiding}/latest`);
  const before = filesUnder(`${at.models}/manifests`);
  const second = await ran(at, ["mv", b.name, `${other}2`]);
  assert.equal(second.code, 1);
  assert.deepEqual(filesUnder(`${at.models}/manifests`), before);
});

testWith(
  ["symbolic links"],
  "cp and mv refuse a folder that is the same by a link, or has the same blobs or manifests",
  async () => {
    if (!UNIX) return;
    await using at = await place();
    const model = await at.install("library/a:latest", 1);
    const other = `${at.models}/../other`;
    linkTo(at.models, `${at.models}/../alias`);
    await Deno.mkdir(`${other}/manifests`, { recursive: true });
    linkTo(`${at.models}/blobs`, `${other}/blobs`);
    const before = filesUnder(at.models);
    for (
      const [target, why] of [["alias", "it is the same models folder"], [
        "other",
        "it has the same directory blobs",
      ]]
    ) {
      for (const act of ["cp", "mv"]) {
        const { code, err } = await ran(at, [act, model.name, `${at.models}/../${target}`]);
        assert.equal(code, 1);
        assert.match(err, new RegExp(`^cannot copy to .*/${target}: ${why}$`, "m"));
      }
    }
    assert.deepEqual(filesUnder(at.models), before);
    assertHas(at.models, model);
  },
);

testWith(
  ["symbolic links"],
  "cp and mv refuse a folder of which a blob is a link into the other one",
  async () => {
    if (!UNIX) return;
    await using at = await place();
    const model = await at.install("library/a:latest", 1);
    const other = `${at.models}/../other`;
    await Deno.mkdir(`${other}/blobs`, { recursive: true });
    for (const name of filesIn(`${at.models}/blobs`)) {
      linkTo(`${at.models}/blobs/${name}`, `${other}/blobs/${name}`);
    }
    for (const act of ["cp", "mv"]) {
      const { code, err } = await ran(at, [act, model.name, other]);
      assert.equal(code, 1);
      assert.match(err, /is a link to the same file in .*\nhint: remove the link/);
    }
    assertHas(at.models, model);
  },
);

Deno.test("of two names that differ only in case mv moves one, and keeps the other", async () => {
  if (!UNIX) return;
  await using at = await place();
  const [a, b] = [await at.install("library/a:latest", 1), at.move("library/A:latest", 2)];
  const path = `${at.models}/manifests/${b.name.replace(/:latest$/, "")}`;
  await Deno.mkdir(path, { recursive: true });
  await Deno.writeFile(`${path}/latest`, a.manifest);
  const { code, err } = await ran(at, ["mv", "--all", `${at.models}/../other`]);
  assert.equal(code, 1);
  assert.match(err, /cannot copy .*: it differs from .* only in case\nhint: /);
  const left = (await ran(at, ["list", "-q"])).out.trimEnd().split("\n");
  const moved = (await at.ran(["list", "-q"], fakeHost(), `${at.models}/../other`)).out.trimEnd()
    .split("\n");
  assert.deepEqual([...left, ...moved].sort(), [a.name, b.name].sort());
});

Deno.test("a model that is named twice is moved once, and what was moved is not in the command that continues", async () => {
  await using at = await place();
  const [a, b] = [await at.install("library/a:latest", 1), await at.install("library/b:latest", 2)];
  const other = `${at.models}/../other`;
  const host = fakeHost();
  const stopping: typeof wire = {
    ...wire,
    async openCopier(options, stop) {
      const engine = await wire.openCopier(options, stop);
      return {
        async pull(name, emit) {
          const summary = await engine.pull(name, emit);
          host.interrupt();
          return summary;
        },
        [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
      };
    },
  };
  const short = a.name.replace(/:latest$/, "");
  const words = ["mv", short, a.name, b.name, other, "--models-dir", at.models];
  assert.equal(await run(words, host, stopping), 0, host.err.text);
  assert.match(host.err.text, new RegExp(`pullama mv ${b.name} \\S+/other --models-dir`));
  assertHas(other, a);
  const rest = await ran(at, ["mv", b.name, other]);
  assert.equal(rest.code, 0, rest.err);
  assertHas(other, b);
});

Deno.test("an interrupted mv removes nothing, says how to continue, and does so", async () => {
  await using at = await place();
  const model = await at.install("library/a:latest", 1);
  const other = `${at.models}/../the other`;
  const host = fakeHost();
  host.interrupt();
  const first = await ran(at, ["mv", model.name, "a; b", other, "--force"], host);
  assert.equal(first.code, 0);
  const again = `pullama mv ${model.name} ['"]a; b['"] ['"][^'"]*/the other['"] --force `;
  assert.match(first.err, new RegExp(`${again}--models-dir \\S+`));
  assertHas(at.models, model);
  const second = await ran(at, ["mv", model.name, other]);
  assert.equal(second.code, 0, second.err);
  assertHas(other, model);
});

Deno.test("cp and mv refuse what cannot be meant, and change nothing", async () => {
  await using at = await place();
  const model = await at.install("library/a:latest", 1);
  const other = `${at.models}/../other`;
  const inside = `${at.models}/inside`;
  const before = filesUnder(at.models);
  const cases: readonly (readonly [words: readonly string[], code: number, message: RegExp])[] = [
    [["nosuch", other], 4, /^cannot (copy|move) nosuch:latest: .*not installed/m],
    [["a@", other], 1, /^invalid model name "\.\.\.@"/m],
    [
      [model.name],
      1,
      /^name the models to (copy|move), or --all for all of them, and then the other models folder$/m,
    ],
    [
      ["--all", model.name, other],
      1,
      /^--all is all models: name none of them, only the folder to/m,
    ],
    [[model.name, at.models], 1, /^cannot copy to .*: it is the same models folder$/m],
    [[model.name, inside], 1, /^cannot copy to .*inside: it is in the models folder /m],
    [["--all", `${at.models}/blobs/../`], 1, /: it is the same models folder$/m],
    [[model.name, `${at.models}/blobs/x/y`], 1, /: it is in the models folder /m],
    [[], 1, /missing required argument/m],
  ];
  for (const act of ["cp", "mv"]) {
    for (const [words, code, message] of cases) {
      const { code: got, err } = await ran(at, [act, ...words]);
      assert.equal(got, code, `${act} ${words.join(" ")}: ${err}`);
      assert.match(err, message);
      assert.match(err, /^hint: /m);
    }
  }
  await assert.rejects(Deno.stat(other), Deno.errors.NotFound);
  assert.deepEqual(filesUnder(at.models), before);
});

testWith(["file modes"], "a target without room is refused before the first byte", async () => {
  await using at = await place();
  await at.install("library/a:latest", 1);
  // No file system has room for a sparse blob of this size.
  const digest = `sha256:${"0a".repeat(32)}`;
  const path = `${at.models}/blobs/${digest.replace(":", "-")}`;
  await Deno.writeFile(path, new Uint8Array());
  await Deno.truncate(path, 2 ** 52).catch(() => Deno.truncate(path, 2 ** 43));
  const { size } = await Deno.stat(path);
  const mediaType = "application/vnd.ollama.image.model";
  const manifest = JSON.stringify({ schemaVersion: 2, layers: [{ mediaType, digest, size }] });
  const tree = `${at.models}/manifests/registry.ollama.ai/library/huge`;
  await Deno.mkdir(tree, { recursive: true });
  await Deno.writeTextFile(`${tree}/latest`, manifest);
  const other = `${at.models}/../other`;
  await Deno.mkdir(`${other}/blobs`, { recursive: true });
  if (UNIX) await Deno.chmod(`${other}/blobs`, 0o770);
  const { code, err } = await ran(at, ["cp", "huge", other]);
  assert.equal(code, 2, err);
  assert.match(err, /^cannot copy huge:latest: not enough disk space/m);
  assert.deepEqual(filesIn(`${other}/blobs`), []);
});

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1)!;
}
