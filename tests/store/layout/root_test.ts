import assert from "node:assert/strict";
import { pathsOf } from "../../../src/store/layout/paths.ts";
import { manifestFiles } from "../../../src/store/manifests/files.ts";
import { unfinishedIn } from "../../../src/store/layout/unfinished.ts";
import { ModelsFolder } from "../../../src/store/store.ts";
import { NAME } from "../world.ts";

Deno.test("a file where the models folder should be is no empty models folder, for anybody", async () => {
  const root = await Deno.makeTempFile({ prefix: "pullama-test-" });
  try {
    const paths = pathsOf(root);
    for (
      const ownership of [
        manifestFiles(paths),
        unfinishedIn(paths),
        new ModelsFolder(root, { tool: "test" }).spelling(NAME),
      ]
    ) {
      await assert.rejects(ownership, {
        kind: "local",
        message: `${root} is in the way: it is no folder`,
        hint: /--models-dir/,
      });
    }
  } finally {
    await Deno.remove(root);
  }
});
