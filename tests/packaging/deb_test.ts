/** The package for Debian. */

import assert from "node:assert/strict";
import { writeDeb } from "../../packaging/deb.ts";
import { programFor } from "../../packaging/release.ts";
import { sha256Of } from "../../packaging/tools.ts";
import { testWith } from "../needs.ts";
import { temporaryFolder } from "../real/child.ts";
import { output, standInRelease, URL_OF_FILES } from "./stand_in.ts";

testWith(
  ["dpkg-deb"],
  "a .deb has program, manual pages and completions, all of root",
  async () => {
    await using folder = await temporaryFolder();
    const release = await standInRelease(folder.path);
    const arm = programFor(release, "linux", "arm64");
    const path = await writeDeb(arm, release, folder.path, URL_OF_FILES);
    assert.equal(path, `${folder.path}/pullama_9.8.7_arm64.deb`);
    const control = await output("dpkg-deb", "-f", path);
    assert.match(control, /^Version: 9\.8\.7\nArchitecture: arm64\n/m);
    assert.match(control, /^Homepage: https:\/\/example\.org\/pullama$/m);
    const listed = await output("dpkg-deb", "-c", path);
    for (const row of listed.trimEnd().split("\n")) {
      assert.match(row, /^(?:-rwxr-xr-x|-rw-r--r--|drwxr-xr-x) root\/root /);
    }
    for (
      const name of [
        "bin/pullama",
        "share/man/man1/pullama-queue-add.1.gz",
        "share/bash-completion/completions/pullama",
        "share/zsh/vendor-completions/_pullama",
        "share/fish/vendor_completions.d/pullama.fish",
        "share/doc/pullama/copyright",
        "share/doc/pullama/changelog.gz",
      ]
    ) assert.ok(listed.includes(` ./usr/${name}\n`), name);
    const first = await sha256Of(path);
    await writeDeb(arm, release, folder.path, URL_OF_FILES);
    assert.equal(await sha256Of(path), first);
  },
);

testWith(["dpkg-deb"], "a version before a release is before it for dpkg as well", async () => {
  await using folder = await temporaryFolder();
  const release = { ...await standInRelease(folder.path), version: "9.8.7-rc.1" };
  const path = await writeDeb(programFor(release, "linux", "amd64"), release, folder.path);
  const version = (await output("dpkg-deb", "-f", path, "Version")).trim();
  await output("dpkg", "--compare-versions", version, "lt", "9.8.7");
});
