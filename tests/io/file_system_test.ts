import assert from "node:assert/strict";
import { fileSystemOf } from "../../src/io/file_system.ts";
import { mounted } from "./mount.ts";

mounted("fileSystemOf() detects the file system of a directory", "size=1m", (folder) => {
  assert.deepEqual(fileSystemOf(folder), { name: "tmpfs" });
  return Promise.resolve();
});

mounted("fileSystemOf() uses the nearest existing parent", "size=1m", (folder) => {
  assert.deepEqual(fileSystemOf(`${folder}/not/there/yet`), { name: "tmpfs" });
  return Promise.resolve();
});
