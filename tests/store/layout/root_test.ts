import assert from "node:assert/strict";
import { pathsOf } from "../../../src/store/layout/paths.ts";
import { manifestFiles } from "../../../src/store/manifests/files.ts";
import { unfinishedIn } from "../../../src/store/layout/unfinished.ts";
import { openFolder } from "../../../src/store/store.ts";
import { NAME } from "../world.ts";

Deno.test("a file in place of the models folder is not taken for an empty models folder", async () => {
  const root = await Deno.makeTempFile({ prefix: "pullama-test-" });
  try {
    const paths = pathsOf(root);
    for (
      const read of [
        () => manifestFiles(paths),
        () => unfinishedIn(paths),
        () => openFolder(root, { tool: "test" }).spelling(NAME),
      ]
    ) {
      await assert.rejects(read, {
        kind: "local",
        message: `${root} exists and is not a directory`,
        hint: /--models-dir/,
      });
    }
  } finally {
    await Deno.remove(root);
  }
});
