/** On Windows: a file that another program has open, as a virus scanner or a server does. */

import assert from "node:assert/strict";
import { realDisk } from "../../../src/io/disk.ts";
import { openForReading, openOwnFile } from "../../../src/io/guarded.ts";
import { Hasher } from "../../../src/io/hash.ts";
import { holdFile } from "../../fakes/holder.ts";
import { testWith } from "../../needs.ts";
import { scratch } from "../other_process.ts";

const DEEDS: Readonly<Record<string, (path: string) => Promise<void | Disposable>>> = {
  "renamed": (path) => realDisk.rename(path, `${path}2`),
  "replaced": async (path) => {
    await Deno.writeTextFile(`${path}.new`, "new");
    await realDisk.rename(`${path}.new`, path);
  },
  "removed": (path) => realDisk.remove(path),
  "opened to read": (path) => openForReading(path),
  "opened to write": (path) => openOwnFile(path),
};

for (const [what, act] of Object.entries(DEEDS)) {
  testWith(
    ["Windows"],
    `a file that another program holds is ${what} when that lets go of it`,
    async () => {
      await using dir = await scratch();
      const path = `${dir.path}/f`;
      await Deno.writeTextFile(path, "old");
      await using holder = await holdFile(path, "none");
      let done = false;
      const doing = act(path).then((result) => {
        done = true;
        result?.[Symbol.dispose]();
      });
      // Something else with the folder, so that there was time for it.
      for (let k = 0; k < 20; k++) await Deno.stat(dir.path);
      assert.equal(done, false);
      await holder.release();
      await doing;
    },
  );
}

testWith(
  ["Windows"],
  "a file that stays held is reported after ten seconds, with what to do",
  async () => {
    await using dir = await scratch();
    const path = `${dir.path}/f`;
    await Deno.writeTextFile(path, "old");
    await using _holder = await holdFile(path, "none");
    await assert.rejects(realDisk.remove(path), {
      kind: "local",
      message: `cannot remove ${path}: another program has it open`,
      hint: /ollama stop/,
    });
    assert.equal((await Deno.lstat(path)).size, 3);
  },
);

testWith(
  ["Windows"],
  "a file that another program reads, and lets no one write to, is hashed",
  async () => {
    await using dir = await scratch();
    const path = `${dir.path}/f`;
    await Deno.writeTextFile(path, "abc");
    await using _holder = await holdFile(path, "read");
    using hasher = new Hasher();
    const run = hasher.follow(path, 0);
    await run.extend(3);
    assert.equal((await run.sync()).size, 3);
    await run.close();
  },
);
