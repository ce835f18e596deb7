import assert from "node:assert/strict";
import { width } from "../../../src/ui/terminal/draw.ts";
import { exists } from "../../fakes/exists.ts";
import { snapshotOf, UNFINISHED, writeModelsFolder } from "../../fakes/models_folder.ts";
import { otherHolder } from "../../io/other_process.ts";
import { colorTerminal } from "../../ui/fake_terminal.ts";
import { fakeHost, ran } from "../fake_host.ts";

/** A models folder with partial downloads of the Go program, and a command line for it. */
async function place() {
  const root = await Deno.makeTempDir({ prefix: "pullama-clean-" });
  const models = `${root}/models`;
  return {
    models,
    fixture: writeModelsFolder(models),
    clean: (...args: string[]) => ran(["clean", ...args, "--models-dir", models]),
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

Deno.test("case 105: clean reports what it removed and freed; a second run finds nothing", async () => {
  await using here = await place();
  const first = await here.clean();
  assert.deepEqual([first.code, first.err], [0, ""]);
  assert.equal(
    first.out,
    "removed partial downloads of unknown models, 4 files, 184 B\n" +
      "removed lock and state files, 1 file, 0 B\n" +
      "freed 184 B, 5 files\n",
  );
  const again = await here.clean();
  assert.deepEqual([again.code, again.out, again.err], [0, "nothing to clean\n", ""]);
});

Deno.test("clean --dry-run reports what would be removed, and removes nothing", async () => {
  await using here = await place();
  const before = snapshotOf(here.models);
  const { out } = await here.clean("--dry-run");
  assert.match(out, /^would remove partial downloads of unknown models, .*\nwould .*\nwould free /);
  assert.deepEqual(snapshotOf(here.models), before);
});

Deno.test("clean removes the queue only with --queue", async () => {
  await using here = await place();
  await here.clean();
  assert.ok(exists(`${here.models}/${here.fixture.queue}`));
  assert.match((await here.clean("--queue")).out, /^removed the queue, 1 file, 205 B\nfreed 205 B/);
  assert.equal(exists(`${here.models}/${here.fixture.queue}`), false);
});

Deno.test("clean keeps files that another process is using, reports them and exits 0", async () => {
  await using here = await place();
  const lock = `${here.models}/blobs/sha256-${UNFINISHED.go}.lock`;
  await using _go = await otherHolder(lock);
  const { code, out } = await here.clean();
  assert.equal(code, 0);
  assert.match(out, /^kept partial downloads of unknown models, 2 files, \d+ B, in use$/m);
  assert.ok(exists(lock.replace(".lock", ".partial")));
  assert.match((await here.clean("-q")).out, /^nothing to clean, 2 files kept\n$/);
});

Deno.test("clean of an unknown model reports partial downloads that may belong to it", async () => {
  await using here = await place();
  const { code, out } = await here.clean("llama3.3");
  assert.equal(code, 0);
  assert.match(out, /^kept partial downloads of unknown models, 3 files, .*: pullama clean\n/);
  assert.match(out, /\nnothing to clean\n$/);
  assert.equal((await here.clean("llama3.2")).out, "nothing to clean\n");
});

Deno.test("clean rejects an invalid model name", async () => {
  await using here = await place();
  const { code, out, err } = await here.clean("a b");
  assert.deepEqual([code, out], [1, ""]);
  assert.match(err, /^invalid model name "a b"/);
});

Deno.test("clean --output json prints one document", async () => {
  await using here = await place();
  const { out } = await here.clean("--output", "json", "--dry-run");
  assert.equal(out.split("\n").length, 2);
  const { removed, ...rest } = JSON.parse(out);
  assert.deepEqual(rest, { dry_run: true, left: [], files: 5, freed_bytes: 184 });
  assert.deepEqual(
    removed.find((item: { digest?: string }) => item.digest?.includes(UNFINISHED.go)),
    {
      kind: "unfinished",
      models: [],
      digest: `sha256:${UNFINISHED.go}`,
      files: 3,
      bytes: 171,
    },
  );
});

Deno.test("clean --quiet prints one line; separators depend on the terminal", async () => {
  await using here = await place();
  assert.equal((await here.clean("--quiet", "--dry-run")).out, "would free 184 B, 5 files\n");
  const host = fakeHost({ terminal: colorTerminal });
  const { out } = await ran(["clean", "--models-dir", here.models], host);
  assert.match(out, /freed 184 B · 5 files\n$/);
});

Deno.test("clean --help prints its flags and examples within 80 columns", async () => {
  for (const argv of [["clean", "--help"], ["help", "clean"]]) {
    const { code, out } = await ran(argv);
    assert.equal(code, 0);
    const flags = "--models-dir --dry-run --queue --output --quiet --verbose --no-color Examples:";
    for (const word of flags.split(" ")) assert.ok(out.includes(word), word);
    for (const line of out.split("\n")) assert.ok(width(line) <= 80, line);
  }
});
