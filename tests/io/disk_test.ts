import assert from "node:assert/strict";
import { replaceFile } from "../../src/io/atomic.ts";
import { realDisk } from "../../src/io/disk.ts";
import {
  fileError,
  isDenied,
  isDiskFull,
  isExisting,
  isLinkUnsupported,
  isMissing,
} from "../../src/io/file_error.ts";
import { freeBytes } from "../../src/io/file_system.ts";
import { RecordingDisk, systemError } from "../fakes/recording_disk.ts";
import { mounted } from "./mount.ts";
import { scratch } from "./other_process.ts";
import { testWith } from "../needs.ts";

const WINDOWS = Deno.build.os === "windows";
const text = (value: string) => new TextEncoder().encode(value);

Deno.test("writeAt() writes at any offset, in any order, and leaves gaps as zeros", async () => {
  await using dir = await scratch();
  using file = await realDisk.open(`${dir.path}/f`, "new");
  await file.writeAt(text("cc"), 6);
  await file.writeAt(text("dd"), 8);
  await file.writeAt(text("aa"), 0);
  await file.writeAt(text("b"), 2);
  await file.sync();
  assert.equal(await Deno.readTextFile(`${dir.path}/f`), "aab\0\0\0ccdd");
  await file.truncate(2);
  assert.equal(await Deno.readTextFile(`${dir.path}/f`), "aa");
});

Deno.test('open() with "new" fails for an existing file, with "existing" keeps its content', async () => {
  await using dir = await scratch();
  await Deno.writeTextFile(`${dir.path}/f`, "old");
  await assert.rejects(realDisk.open(`${dir.path}/f`, "new"), (error) => isExisting(error));
  (await realDisk.open(`${dir.path}/f`, "existing")).close();
  assert.equal(await Deno.readTextFile(`${dir.path}/f`), "old");
});

Deno.test("link(), rename() and removeFolder() fail with distinguishable causes", async () => {
  await using dir = await scratch();
  const [a, b, none] = [`${dir.path}/a`, `${dir.path}/b`, `${dir.path}/none`];
  await Deno.writeTextFile(a, "a");
  await Deno.writeTextFile(b, "b");
  await assert.rejects(
    realDisk.link(a, b),
    (error) => isExisting(error) && !isLinkUnsupported(error),
  );
  await assert.rejects(realDisk.link(none, b), (error) => isMissing(error));
  await assert.rejects(realDisk.rename(none, b), (error) => isMissing(error));
  await realDisk.makeFolder(`${dir.path}/full`);
  await Deno.writeTextFile(`${dir.path}/full/x`, "");
  await realDisk.makeFolder(`${dir.path}/other`);
  await assert.rejects(
    realDisk.rename(`${dir.path}/other`, `${dir.path}/full`),
    (e) => isExisting(e) || (WINDOWS && isDenied(e)),
  );
  await assert.rejects(realDisk.removeFolder(`${dir.path}/full`), (error) => isExisting(error));
  await realDisk.remove(none);
});

testWith(
  ["file modes"],
  "own() sets mode bits regardless of the umask, including those that chown clears",
  async () => {
    await using dir = await scratch();
    const folder = `${dir.path}/x`;
    await realDisk.makeFolder(folder);
    const { uid, gid } = await Deno.stat(folder);
    await realDisk.own(folder, { mode: 0o2775, uid: uid!, gid: gid! });
    assert.equal((await Deno.stat(folder)).mode! & 0o7777, 0o2775);
  },
);

Deno.test("replaceFile() replaces the content and mode, and leaves no temporary file", async () => {
  await using dir = await scratch();
  const path = `${dir.path}/f`;
  await Deno.writeTextFile(`${dir.path}/t`, "left by a crash, and longer");
  await replaceFile(realDisk, path, `${dir.path}/t`, text("one"));
  await replaceFile(realDisk, path, `${dir.path}/t`, text("two"), { mode: 0o640 });
  assert.equal(await Deno.readTextFile(path), "two");
  if (!WINDOWS) assert.equal((await Deno.stat(path)).mode! & 0o777, 0o640);
  assert.deepEqual([...Deno.readDirSync(dir.path)].map(({ name }) => name), ["f"]);
});

Deno.test("replaceFile() keeps the old file if any step fails, and leaves no temporary file", async () => {
  for (let bad = 1;; bad++) {
    await using dir = await scratch();
    const path = `${dir.path}/f`;
    await Deno.writeTextFile(path, "old");
    const disk = new RecordingDisk({
      fail: (_, number) => number === bad ? systemError("EIO") : undefined,
    });
    const replaced = replaceFile(disk, path, `${dir.path}/t`, text("new"));
    if (bad > disk.steps.length && await replaced.then(() => true, () => false)) {
      if (disk.steps.length < bad) return;
    }
    await assert.rejects(replaced, { kind: "local", message: /input\/output error/ });
    const last = disk.steps[bad - 1]!;
    assert.equal(await Deno.readTextFile(path), last.does === "sync folder" ? "new" : "old");
    assert.deepEqual([...Deno.readDirSync(dir.path)].map(({ name }) => name), ["f"]);
  }
});

Deno.test("replaceFile() syncs the file, then renames it, then syncs the directory", async () => {
  await using dir = await scratch();
  const disk = new RecordingDisk();
  await replaceFile(disk, `${dir.path}/f`, `${dir.path}/t`, text("new"));
  assert.deepEqual(
    disk.steps.map(({ does }) => does).filter((does) => does !== "own" && does !== "remove"),
    ["open", "write", "sync", "rename", "sync folder"],
  );
});

mounted(
  "a full file system is reported as disk_full, and earlier writes are kept",
  "size=256k",
  async (dir) => {
    using file = await realDisk.open(`${dir}/f`, "new");
    await file.writeAt(new Uint8Array(100_000).fill(1), 0);
    await assert.rejects(file.writeAt(new Uint8Array(300_000), 100_000), (error: Error) => {
      assert.match(error.message, /^cannot write .*\/f: not enough disk space$/);
      return (error as { kind?: string }).kind === "disk_full" && isDiskFull(error.cause);
    });
    await file.sync();
    assert.deepEqual(
      (await Deno.readFile(`${dir}/f`)).subarray(0, 100_000),
      new Uint8Array(100_000).fill(1),
    );
    assert.equal(freeBytes(dir), 0);
  },
);

mounted(
  "case 93: a read-only file system is reported with the path",
  "size=256k",
  async (dir, remount) => {
    await remount("ro");
    await assert.rejects(realDisk.makeFolder(`${dir}/blobs`), {
      kind: "local",
      message: `cannot create ${dir}/blobs: read-only file system`,
      hint: /--models-dir/,
    });
    await assert.rejects(realDisk.open(`${dir}/g`, "new"), { kind: "local", message: /read-only/ });
  },
);

mounted("a link or rename to another file system is recognized", "size=256k", async (dir) => {
  await using other = await scratch();
  await Deno.writeTextFile(`${dir}/f`, "x");
  await assert.rejects(
    realDisk.link(`${dir}/f`, `${other.path}/f`),
    (error) => isLinkUnsupported(error),
  );
  await assert.rejects(
    realDisk.rename(`${dir}/f`, `${other.path}/f`),
    (error) => isLinkUnsupported(error),
  );
});

Deno.test("isLinkUnsupported() is true for EPERM, as on file systems without links, and false for EACCES", () => {
  assert.ok(isLinkUnsupported(fileError(systemError("EPERM"), "link", "/x")));
  assert.ok(!isLinkUnsupported(fileError(systemError("EACCES"), "link", "/x")));
  assert.ok(!isLinkUnsupported(fileError(systemError("ENOENT"), "link", "/x")));
});

Deno.test("fileError() reports an exceeded quota as disk_full", () => {
  if (Deno.build.os !== "linux") return;
  const error = fileError(new Error("Disk quota exceeded (os error 122)"), "write", "/x");
  assert.equal(error.kind, "disk_full");
});

Deno.test({
  name: "freeBytes() is undefined, not 0, for a file system without blocks",
  ignore: Deno.build.os !== "linux",
  fn: () => assert.equal(freeBytes("/proc/x"), undefined),
});

Deno.test("freeBytes() uses the nearest existing parent", async () => {
  await using dir = await scratch();
  const here = freeBytes(dir.path);
  assert.ok(here !== undefined && here > 0);
  assert.ok(freeBytes(`${dir.path}/not/yet/there`) !== undefined);
  assert.ok(freeBytes("relative/not/there") !== undefined || Deno.build.os === "windows");
});
