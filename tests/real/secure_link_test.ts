/** Blobs behind nginx URLs that expire during the download. */

import assert from "node:assert/strict";
import { redirect } from "../fakes/faults.ts";
import { startRegistry } from "../fakes/registry.ts";
import { testWith } from "../needs.ts";
import { temporaryFolder } from "./child.ts";
import { pullama } from "./program.ts";
import { signedPath, startNginx } from "./servers.ts";
import { writeModel } from "./static_model.ts";
import { assertInstalled } from "./store.ts";

const MiB = 1 << 20;
const SECRET = "hush-1234";

testWith(
  ["nginx"],
  "a blob whose URL keeps expiring during the download is complete and correct in the end",
  async () => {
    await using folder = await temporaryFolder();
    const model = await writeModel(`${folder.path}/www`, 6 * MiB);
    await using nginx = await startNginx(`${folder.path}/www`, { secret: SECRET });
    await using registry = await startRegistry();
    const { name } = registry.add("library/tiny:latest", { manifest: model.manifest });
    const given = new Map<string, number>();
    const digests = new Set<string>();
    for (const { digest } of model.blobs) digests.add(digest);
    registry.faults.blob = ({ path }) => {
      const digest = path.split("/").at(-1)!;
      assert.ok(digests.has(digest));
      given.set(digest, (given.get(digest) ?? 0) + 1);
      // In whole seconds: valid for one to two.
      const expires = Math.floor(Date.now() / 1000) + 2;
      const file = `v2/library/tiny/blobs/${digest}`;
      return redirect(`http://${nginx.host}${signedPath(SECRET, file, expires)}`);
    };
    const models = `${folder.path}/models`;
    const small = [
      "--chunk-size",
      "512KiB",
      "--connections",
      "2",
      "--verbose",
      "--output",
      "debug",
    ];
    const ended = await pullama([name, "--insecure", "--models-dir", models, ...small], {
      home: folder.path,
    });
    assert.equal(ended.code, 0, ended.err);
    assertInstalled(models, name, model);
    assert.match(nginx.log(), /" 410 /);
    assert.ok(Math.max(...given.values()) >= 2, "it was never asked for a new address");
    for (const text of [ended.out, ended.err]) assert.doesNotMatch(text, /md5=/);
  },
);
