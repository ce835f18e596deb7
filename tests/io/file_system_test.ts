import assert from "node:assert/strict";
import { fileSystemOf } from "../../src/io/file_system.ts";
import { mounted } from "./mount.ts";

mounted("fileSystemOf() names the file system of a folder", "size=1m", (folder) => {
  assert.deepEqual(fileSystemOf(folder), { name: "tmpfs" });
  return Promise.resolve();
});

Deno.test("fileSystemOf() knows nothing of a folder that is not there", () => {
  assert.equal(fileSystemOf("/nowhere/at/all"), undefined);
});
