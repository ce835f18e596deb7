/** Copies on a file system whose files can share bytes. */

import assert from "node:assert/strict";
import { runCommand } from "../io/mount.ts";
import { testWith } from "../needs.ts";
import { makeModel } from "../fakes/model.ts";
import { startRegistry } from "../fakes/registry.ts";
import { succeeds } from "../power/place.ts";
import { temporaryFolder } from "./child.ts";
import { assertInstalled } from "./store.ts";

const MIB = 1 << 20;
const SIZE = 64 * MIB;

testWith(
  ["root", "loop devices", "btrfs"],
  "a copy on btrfs takes no room, also with another mode, and is verified",
  async () => {
    await using registry = await startRegistry();
    await using folder = await temporaryFolder();
    const [image, disk] = [`${folder.path}/image`, `${folder.path}/disk`];
    {
      using file = await Deno.open(image, { write: true, createNew: true });
      await file.truncate(400 * MIB);
    }
    await Deno.mkdir(disk);
    await runCommand("mkfs.btrfs", "-q", image);
    await runCommand("mount", "-o", "loop", image, disk);
    try {
      const model = registry.add("library/tiny:latest", makeModel({ size: SIZE }));
      const from = `${disk}/models`;
      await succeeds(from, "pull", model.name, "--insecure");
      const to = `${disk}/other`;
      await Deno.mkdir(`${to}/blobs`, { recursive: true });
      await Deno.chmod(`${to}/blobs`, 0o770);
      const before = await used(disk);
      const { out } = await succeeds(from, "cp", model.name, to, "--output", "json");
      const grown = await used(disk) - before;
      assert.ok(grown < SIZE / 8, `${grown} bytes more`);
      assert.match(out, /"event":"verifying"/);
      const { name, manifest, layers, config } = model;
      assertInstalled(to, name, { manifest, blobs: [...layers, config!] });
      const blob = `${to}/blobs/${layers[0]!.digest.replace(":", "-")}`;
      assert.equal(Deno.statSync(blob).mode! & 0o777, 0o660);
      assert.equal([...Deno.readDirSync(`${to}/.pullm/tmp`)].length, 0);
      // In a folder where others may write, a file may be exchanged: it is copied byte by byte.
      await Deno.chmod(from, 0o777);
      const open = `${disk}/open`;
      await Deno.mkdir(`${open}/blobs`, { recursive: true });
      await Deno.chmod(`${open}/blobs`, 0o770);
      await succeeds(from, "cp", model.name, open);
      assert.ok(await used(disk) - before > SIZE / 2);
    } finally {
      await runCommand("umount", disk);
    }
  },
);

/** Bytes of the file system that are taken, once all is written. */
async function used(path: string): Promise<number> {
  await runCommand("sync", "-f", path);
  const { stdout } = await new Deno.Command("df", { args: ["-B1", "--output=used", path] })
    .output();
  return Number(new TextDecoder().decode(stdout).trim().split("\n").at(-1));
}
