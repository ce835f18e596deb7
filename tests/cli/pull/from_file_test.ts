import assert from "node:assert/strict";
import { assertInstalled, filesIn } from "../../real/store.ts";
import { temporaryFolder } from "../../real/child.ts";
import { fakeHost } from "../fake_host.ts";
import { place } from "../outdated/place.ts";

Deno.test("a lock file installs the same manifests in another folder, though the tags have moved", async () => {
  await using at = await place();
  await using other = await temporaryFolder();
  const old = await at.install("library/a:latest", 1);
  const same = await at.install("library/b:8b", 2);
  const file = `${other.path}/models.lock`;
  await Deno.writeTextFile(file, (await at.ran(["list", "--output", "lock"])).out);
  at.move("library/a:latest", 3);
  const models = `${other.path}/models`;
  const elsewhere = (args: readonly string[]) =>
    at.ran(args, fakeHost({ env: { HOME: "/" } }), models);
  const { code, err } = await elsewhere(["pull", "--from-file", file, "--quiet"]);
  assert.equal(code, 0, err);
  for (const { name, manifest, layers, config } of [old, same]) {
    assertInstalled(models, name, { manifest, blobs: [...layers, config!] });
  }
  // What is installed already needs no registry.
  await at.registry.close();
  const asked = at.registry.requests.length;
  const again = await elsewhere(["--from-file", file, "--quiet"]);
  assert.equal(again.code, 0, again.err);
  assert.equal(at.registry.requests.length, asked);
});

Deno.test("a pinned model that its registry does not have any longer is an error with both digests", async () => {
  await using at = await place();
  const old = await at.install("library/a:latest", 1);
  const now = at.move("library/a:latest", 2);
  await at.ran(["pull", now.name]);
  at.registry.faults.manifest = ({ path }) =>
    path.includes("sha256:") ? { status: 404 } : undefined;
  const files = filesIn(at.models);
  const { code, out, err } = await at.ran([
    "pull",
    `${now.name}@${old.digest}`,
    "--output",
    "json",
  ]);
  assert.equal(code, 1);
  assert.equal(
    err,
    `cannot pull ${now.name}: the tag now has the manifest ${now.digest}, not ${old.digest}\n` +
      `hint: for the one that it has now: pullama pull ${now.name}\n`,
  );
  const failed = out.trimEnd().split("\n").map((line) => JSON.parse(line)).at(-1);
  assert.deepEqual([failed.event, failed.Kind, failed.ExitCode], ["pull_failed", "moved", 1]);
  assert.deepEqual(filesIn(at.models), files);
});

Deno.test("a file of names may have comments, blank lines, a byte order mark and the line ends of Windows", async () => {
  await using at = await place();
  const [a, b] = [at.move("library/a:latest", 1), at.move("library/b:latest", 2)];
  await using folder = await temporaryFolder();
  const file = `${folder.path}/models.txt`;
  const text = `# models\r\n\r\n  ${a.name}   # the first\r\n\t${b.name}@${b.digest}`;
  const utf16 = new Uint8Array(
    Uint16Array.from([..."\ufeff" + text], (c) => c.charCodeAt(0)).buffer,
  );
  for (const bytes of [new TextEncoder().encode(`\ufeff${text}`), utf16]) {
    await Deno.writeFile(file, bytes);
    const { code, out, err } = await at.ran([
      "pull",
      "--from-file",
      file,
      "--dry-run",
      "--output",
      "json",
    ]);
    assert.equal(code, 0, err);
    const names = out.trimEnd().split("\n").map((line) => JSON.parse(line))
      .filter(({ event }) => event === "pull_start").map(({ Name }) => Name);
    assert.deepEqual(names, [a.name, b.name]);
  }
});

Deno.test("a file that names no model, one twice or something else is an error with its line, and nothing is pulled", async () => {
  await using at = await place();
  await using folder = await temporaryFolder();
  const file = `${folder.path}/models.lock`;
  const hex = "0a".repeat(32);
  const cases: readonly (readonly [text: string | Uint8Array, message: string])[] = [
    ["", `${file} names no model`],
    ["# nothing\n\n", `${file} names no model`],
    ["a\nb\n\na:latest\n", `${file}:4: a:latest is there already, in line 1`],
    [`a@sha256:${hex}\nA:latest`, `${file}:2: A:latest is there already, in line 1`],
    ["a\nb c\n", `${file}:2: invalid model name "b c": the model "b c" contains " "`],
    [
      "a@sha256:12",
      `${file}:1: invalid model name "a@sha256:12": the digest is not "sha256:" and 64 digits 0-9, a-f`,
    ],
    [new Uint8Array([0x61, 0x0a, 0xff, 0xc0]), `${file} is not a text file in UTF-8`],
    ["x".repeat(2 ** 20 + 1), `${file} is larger than 1.0 MB`],
  ];
  for (const [text, message] of cases) {
    await Deno.writeFile(file, typeof text === "string" ? new TextEncoder().encode(text) : text);
    for (const command of ["pull", "queue add"]) {
      const args = [...command.split(" "), "--from-file", file];
      const { code, err } = await at.ran(args);
      assert.equal(code, 1, message);
      assert.equal(err.split("\n")[0], message);
      assert.match(err, /^hint: \S/m);
    }
  }
  await Deno.remove(file);
  const { code, err } = await at.ran(["pull", "--from-file", file]);
  assert.equal(code, 1);
  assert.match(err, /^cannot read .*models\.lock: no such file or directory\n/);
  assert.equal(at.registry.requests.length, 0);
  await assert.rejects(Deno.stat(at.models), Deno.errors.NotFound);
});

Deno.test("queue add takes a file of names, with digests, and adds all of them or none", async () => {
  await using at = await place();
  await using folder = await temporaryFolder();
  const file = `${folder.path}/models.lock`;
  const digest = `sha256:${"0a".repeat(32)}`;
  await Deno.writeTextFile(file, `a:8b@${digest}\nb\n`);
  const added = await at.ran(["queue", "add", "c", "--from-file", file]);
  assert.deepEqual([added.code, added.out], [0, "added 3 models to the queue\n"]);
  const list = async (...flags: readonly string[]) =>
    (await at.ran(["queue", "list", ...flags])).out;
  assert.match(await list(), /^- 2 a:8b@0a0a0a0a0a0a +queued$/m);
  assert.equal(await list("-q"), `c:latest\na:8b@${digest}\nb:latest\n`);
  const again = await at.ran(["queue", "add", "a:8b", "b"]);
  assert.match(
    again.out,
    /^a:8b is already queued; it will now be pulled over https\nskipped b:latest/,
  );
  const pinned = await at.ran(["queue", "add", `b@${digest}`]);
  assert.match(pinned.out, /^b:latest is already queued; .* over https, as 0a0a0a0a0a0a\n/);
  const { entries } = JSON.parse(await list("--output", "json"));
  assert.deepEqual(entries.map((entry: Record<string, unknown>) => entry.digest), [
    undefined,
    undefined,
    digest,
  ]);
});
