import assert from "node:assert/strict";
import { openOwnFile, readSmallFile, setModified, setOwnership } from "../../src/io/guarded.ts";
import { exists } from "../../src/io/stat.ts";
import { otherProcess } from "./other_process.ts";
import { temporaryFolder } from "../real/child.ts";
import { linkTo } from "../fakes/link.ts";
import { needing, testWith } from "../needs.ts";

const WINDOWS = Deno.build.os === "windows";
const MOST = 1000;

interface Planted {
  readonly what: string;
  /** Puts it at `path`; `victim` is a foreign file. */
  readonly plant: (path: string, victim: string) => void | Promise<void>;
}

const PLANTED: readonly Planted[] = [
  { what: "a link to a file", plant: (path, victim) => linkTo(victim, path) },
  { what: "a link to nothing", plant: (path) => linkTo("/nowhere/at/all", path) },
  { what: "a link to a device", plant: (path) => linkTo("/dev/zero", path) },
  { what: "a FIFO", plant: (path) => command("mkfifo", path) },
  { what: "a directory", plant: (path) => Deno.mkdir(path) },
  { what: "a second name of a file", plant: (path, victim) => Deno.link(victim, path) },
];

async function command(name: string, ...args: string[]): Promise<void> {
  const { success } = await new Deno.Command(name, { args }).output();
  assert.ok(success, name);
}

for (const { what, plant } of PLANTED) {
  Deno.test({
    ...needing(
      ["removal of files in use"],
      `${what} in the place of a file of ours is refused at once, and the foreign file stays as it is`,
    ),
    async fn() {
      await using folder = await temporaryFolder();
      const path = `${folder.path}/note`;
      const victim = `${folder.path}/victim`;
      await Deno.writeTextFile(victim, "precious", { mode: 0o600 });
      await plant(path, victim);
      const before = await Deno.stat(victim);
      const refused = { kind: "local", message: /exists and is not a regular file/ };
      await assert.rejects(openOwnFile(path), refused);
      // What has a second name may be read, never changed.
      if (what.startsWith("a second name")) {
        assert.equal(
          new TextDecoder().decode((await readSmallFile(path, MOST))?.bytes),
          "precious",
        );
      } else await assert.rejects(readSmallFile(path, MOST), refused);
      if (what !== "a directory") assert.throws(() => setOwnership(path, { mode: 0o666 }), refused);
      if (!what.startsWith("a second")) assert.throws(() => setModified(path, 0), refused);
      const after = await Deno.stat(victim);
      assert.equal(await Deno.readTextFile(victim), "precious");
      assert.deepEqual([after.mode, after.mtime, after.size], [
        before.mode,
        before.mtime,
        before.size,
      ]);
    },
  });
}

Deno.test("a file that is too large for what it should be is not read into memory", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/note`;
  {
    using file = await Deno.create(path);
    await file.truncate(3 * 2 ** 30);
  }
  const before = Deno.memoryUsage().rss;
  await assert.rejects(readSmallFile(path, MOST), {
    kind: "local",
    message: /too large/,
    hint: /move it away/,
  });
  assert.ok(Deno.memoryUsage().rss - before < 100 * 2 ** 20);
});

Deno.test("a missing file is not an error to read, and one to open", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/note`;
  assert.equal(await readSmallFile(path, MOST), undefined);
  await assert.rejects(openOwnFile(path), { kind: "local", message: /no such file/ });
  assert.equal(await exists(path), false);
});

testWith(["symbolic links"], "a link is followed where the user may have made it", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(`${folder.path}/a`, "text");
  linkTo(`${folder.path}/a`, `${folder.path}/b`);
  const file = await readSmallFile(`${folder.path}/b`, MOST, { follow: true });
  assert.equal(new TextDecoder().decode(file?.bytes), "text");
  assert.equal(file?.uid, WINDOWS ? null : Deno.uid());
});

/** Replaces and removes a file as fast as it can, until it is killed. */
const REPLACER = `
  const [path] = Deno.args;
  console.log("ready");
  for (;;) {
    Deno.writeTextFileSync(path + ".new", "note");
    Deno.renameSync(path + ".new", path);
    Deno.removeSync(path);
    Deno.writeTextFileSync(path, "note", { createNew: true });
  }
`;

Deno.test({
  ...needing(
    ["removal of files in use"],
    "a file that another process replaces and removes all the time is read, opened, or missing",
  ),
  async fn() {
    await using folder = await temporaryFolder();
    const path = `${folder.path}/note`;
    await using _replacer = await otherProcess(REPLACER, path);
    const counts = { read: 0, opened: 0 };
    // On a busy computer the other process may not run for a while.
    const isSeen = () => counts.read > 0 && counts.opened > 0;
    for (let i = 0; i < 3000 || (!isSeen() && i < 1_000_000); i++) {
      if (await readSmallFile(path, MOST)) counts.read++;
      try {
        (await openOwnFile(path)).close();
        counts.opened++;
      } catch (error) {
        assert.match((error as Error).message, /no such file|it was removed meanwhile/);
      }
    }
    assert.ok(isSeen(), JSON.stringify(counts));
  },
});
