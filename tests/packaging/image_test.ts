/** The container image. */

import assert from "node:assert/strict";
import { writeImage } from "../../packaging/image.ts";
import { programFor } from "../../packaging/release.ts";
import { sha256Of } from "../../packaging/tools.ts";
import { testWith } from "../needs.ts";
import { temporaryFolder } from "../real/child.ts";
import { output, standInRelease } from "./stand_in.ts";

/** The user in the image. */
const USER = "65532:65532";

testWith(
  ["Debian's libraries"],
  "an image is named by its digests, and always the same",
  async () => {
    await using folder = await temporaryFolder();
    const release = await standInRelease(folder.path);
    const program = programFor(release, "linux", "amd64");
    const path = await writeImage(release, [program], folder.path);
    const sum = await sha256Of(path);
    const layout = `${folder.path}/layout`;
    await Deno.mkdir(layout);
    await output("tar", "-xf", path, "-C", layout);
    const blob = async (digest: string) => {
      const file = `${layout}/blobs/${digest.replace(":", "/")}`;
      assert.equal(`sha256:${await sha256Of(file)}`, digest);
      return JSON.parse(await Deno.readTextFile(file));
    };
    const index = JSON.parse(await Deno.readTextFile(`${layout}/index.json`));
    const { manifests } = await blob(index.manifests[0].digest);
    assert.deepEqual(manifests[0].platform, { architecture: "amd64", os: "linux" });
    const { config, layers } = await blob(manifests[0].digest);
    const { rootfs, config: run } = await blob(config.digest);
    assert.deepEqual([run.User, run.Entrypoint], [USER, ["/usr/bin/pullama"]]);
    const layer = `${layout}/blobs/${layers[0].digest.replace(":", "/")}`;
    await output("sh", "-c", `gzip -dc "$0" >"$1"`, layer, `${folder.path}/layer.tar`);
    assert.deepEqual(rootfs.diff_ids, [`sha256:${await sha256Of(`${folder.path}/layer.tar`)}`]);
    const listed = await output("tar", "-tvf", `${folder.path}/layer.tar`);
    for (
      const row of [
        /^-rwxr-xr-x 0\/0 .* usr\/bin\/pullama$/m,
        /^drwxrwxrwt 0\/0 .* tmp\/$/m,
        /^drwxrwxrwx 0\/0 .* models\/$/m,
      ]
    ) assert.match(listed, row);
    await writeImage(release, [program], folder.path);
    assert.equal(await sha256Of(path), sum);
  },
);
