import assert from "node:assert/strict";
import { Ajv2020 } from "ajv/dist/2020.js";
import schema from "../../../docs/json-events.schema.json" with { type: "json" };
import { pathsOf } from "../../../src/store/layout/paths.ts";
import { canLink, linkTo } from "../../fakes/link.ts";
import { flip } from "../../fakes/flip.ts";
import { writeModelsFolder } from "../../fakes/models_folder.ts";
import { fakeHost, ran } from "../fake_host.ts";

/** A models folder as Ollama writes it, and a command line for it. */
async function place(own = true) {
  const root = await Deno.makeTempDir({ prefix: "pullama-verify-" });
  const models = `${root}/models`;
  const fixture = writeModelsFolder(models);
  for (const path of desktopFiles(models)) Deno.removeSync(path);
  const { own: ours, temporary } = pathsOf(models);
  if (own) Deno.mkdirSync(temporary, { recursive: true });
  else Deno.removeSync(ours, { recursive: true });
  return {
    models,
    verify: (...args: string[]) => ran(["verify", ...args, "--models-dir", models]),
    /** The path of a blob of llama3.2:latest that no other model uses. */
    blob: () => {
      const text = Deno.readTextFileSync(`${models}/${fixture.models.llama.path}`);
      return `${models}/blobs/${JSON.parse(text).config.digest.replace(":", "-")}`;
    },
    manifest: `${models}/${fixture.models.llama.path}`,
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

function desktopFiles(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory
      ? desktopFiles(`${folder}/${name}`)
      : /^\._|^\.DS_Store$/.test(name)
      ? [`${folder}/${name}`]
      : []
  );
}

/** Everything about the files of a folder that a program could change. */
function statesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    const { ino, size, mtime, mode } = Deno.lstatSync(path);
    const own = `${path} ${ino} ${mode} ${mtime?.getTime()} ${isDirectory ? "" : size}`;
    return [own, ...(isDirectory ? statesIn(path) : [])];
  }).sort();
}

for (const full of [[], ["--full"]]) {
  Deno.test(`verify ${full} of a healthy folder succeeds and leaves it as it is`, async () => {
    await using here = await place(false);
    const before = statesIn(here.models);
    const { code, out, err } = await here.verify(...full);
    assert.deepEqual([code, err], [0, ""]);
    assert.match(out, /^all right, \d+ models, \d+ blobs, [\d.]+ kB, [\d.]+ kB read\n$/);
    assert.deepEqual(statesIn(here.models), before);
  });
}

Deno.test("verify reads again only what has changed since it was verified, --full everything", async () => {
  await using here = await place();
  assert.match((await here.verify()).out, / read\n$/);
  assert.doesNotMatch((await here.verify()).out, / read\n$/);
  assert.match((await here.verify("--full")).out, / read\n$/);
  // The time of the file is what tells that it has changed.
  flip(here.blob(), 0);
  assert.equal((await here.verify()).code, 0);
  const { code, out } = await here.verify("--full");
  assert.equal(code, 1);
  assert.match(out, /^x llama3\.2:latest: digest mismatch in blob \w{12}: it is \w{12}\n/m);
  // Now it is known to be wrong, also to the next pull.
  assert.equal((await here.verify()).code, 1);
});

Deno.test("verify names each damaged blob with its model and what to do", async () => {
  const damages: [RegExp, (path: string) => void][] = [
    [/: blob \w{12} is missing\n/, (path) => Deno.removeSync(path)],
    [/: blob \w{12} has 5 bytes instead of \d+\n/, (path) => Deno.truncateSync(path, 5)],
    [/: digest mismatch in blob \w{12}: it is \w{12}\n/, (path) => flip(path, 0)],
    [/: .* is not a file\n/, (path) => {
      Deno.removeSync(path);
      Deno.mkdirSync(path);
    }],
  ];
  if (canLink()) {
    damages.push([/: blob \w{12} is missing\n/, (path) => {
      Deno.removeSync(path);
      linkTo("/nowhere/to/be/found", path);
    }]);
  }
  for (const [what, damage] of damages) {
    await using here = await place();
    damage(here.blob());
    const { code, out, err } = await here.verify();
    assert.deepEqual([code, err], [1, ""]);
    assert.match(out, what);
    assert.match(out, /^x llama3\.2:latest: /);
    assert.ok(out.includes(`pullama llama3.2:latest --models-dir ${here.models}\n`), out);
    assert.match(out, /\n1 problem, \d+ models, /);
    // Other models are not affected.
    assert.equal((await here.verify("mine", "llama3.2:1b")).code, 0);
  }
});

Deno.test("verify names manifests that cannot be read, and files with foreign names", async () => {
  await using here = await place();
  Deno.writeTextFileSync(here.manifest, "{");
  Deno.writeTextFileSync(`${here.models}/blobs/._sha256-1`, "");
  Deno.writeTextFileSync(`${here.models}/blobs/sha256:${"0".repeat(64)}`, "");
  const { code, out } = await here.verify();
  assert.equal(code, 1);
  assert.match(
    out,
    /^x llama3\.2:latest: cannot read the manifest .*\n {2}> store it again with: /m,
  );
  assert.match(out, /^! .*\._sha256-1 is not a blob: a desktop made it\n {2}> it may be removed$/m);
  assert.match(out, /^! .*sha256:0+ has a name from an old version of Ollama/m);
  assert.match(out, /\n1 problem, /);
  Deno.removeSync(here.manifest);
  assert.equal((await here.verify()).code, 0, "foreign names are no problem of a model");
});

Deno.test("verify of models that are not installed exits with 4, and checks the others", async () => {
  await using here = await place();
  const { code, out, err } = await here.verify("nosuch", "mine");
  assert.equal(code, 4);
  assert.match(out, /^all right, 1 model, /);
  assert.match(err, /^cannot verify nosuch:latest: it is not installed\nhint: .*pullama list/);
  assert.equal((await here.verify("a b")).code, 1);
});

Deno.test("verify --output json prints each finding on a line, then the result", async () => {
  await using here = await place();
  Deno.truncateSync(here.blob(), 5);
  const { code, out } = await here.verify("--output", "json");
  assert.equal(code, 1);
  const [finding, result, ...more] = out.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual([finding.kind, finding.path, finding.found], ["wrong_size", here.blob(), 5]);
  assert.deepEqual(finding.models, ["registry.ollama.ai/library/llama3.2:latest"]);
  assert.deepEqual([result.event, result.ok, result.problems, more], ["verified", false, 1, []]);
  const isEvent = new Ajv2020({ strict: true, formats: { "date-time": true } }).compile(schema);
  for (const line of [finding, result]) {
    const fits: boolean = isEvent(line);
    assert.ok(fits, JSON.stringify(isEvent.errors));
  }
});

Deno.test("verify of an empty or missing folder finds nothing", async () => {
  const { code, out } = await ran(["verify", "--models-dir", "/nowhere/at/all"]);
  assert.deepEqual([code, out], [0, "all right, 0 models, 0 blobs, 0 B\n"]);
});

Deno.test("verify ends at a signal with exit code 1", async () => {
  await using here = await place();
  const host = fakeHost();
  host.interrupt();
  const args = ["verify", "--models-dir", here.models, "--output", "json"];
  const { code, out, err } = await ran(args, host);
  assert.deepEqual([code, err], [1, "interrupted\n"]);
  assert.equal(JSON.parse(out).error.exit_code, 1);
});

Deno.test("verify --quiet prints findings and one line", async () => {
  await using here = await place();
  assert.match((await here.verify("-q")).out, /^all right, [^\n]*\n$/);
});
