import assert from "node:assert/strict";
import { fileSystemOf } from "../../src/io/file_system.ts";
import { mounted } from "./mount.ts";

mounted("fileSystemOf() names the file system of a folder", "size=1m", (folder) => {
  assert.deepEqual(fileSystemOf(folder), { name: "tmpfs" });
  return Promise.resolve();
});

mounted("fileSystemOf() asks the nearest folder that there is", "size=1m", (folder) => {
  assert.deepEqual(fileSystemOf(`${folder}/not/there/yet`), { name: "tmpfs" });
  return Promise.resolve();
});
