import assert from "node:assert/strict";
import type { Digest } from "../../../src/core/digest.ts";
import { folderAt } from "../../../src/store/layout/folder.ts";
import { pathsOf } from "../../../src/store/layout/paths.ts";
import { Proofs } from "../../../src/store/serve/proof.ts";
import { openFolder } from "../../../src/store/store.ts";
import { place } from "../../serve/place.ts";
import { testWith } from "../../needs.ts";

const TINY = { hosts: ["registry.ollama.ai"], namespace: "library", model: "tiny" };

Deno.test("a blob that could not be hashed once is not taken for a wrong one", async () => {
  await using at = await place();
  const { path, digest } = at.weights;
  using proofs = await Proofs.open(folderAt(pathsOf(at.models)));
  const info = Deno.lstatSync(path);
  Deno.renameSync(`${at.models}/blobs`, `${at.root}/away`);
  assert.equal(await proofs.of(digest as Digest, info).verdict, undefined);
  assert.equal(proofs.isWrong(digest as Digest, info), false);
  Deno.renameSync(`${at.root}/away`, `${at.models}/blobs`);
  assert.equal(await proofs.of(digest as Digest, Deno.lstatSync(path)).verdict, true);
});

Deno.test("a blob that was replaced while it was hashed is hashed again", async () => {
  await using at = await place();
  const { path, digest } = at.weights;
  using proofs = await Proofs.open(folderAt(pathsOf(at.models)));
  const before = Deno.lstatSync(path);
  const { verdict } = proofs.of(digest as Digest, before);
  Deno.copyFileSync(path, `${at.root}/copy`);
  Deno.renameSync(`${at.root}/copy`, path);
  assert.equal(await verdict, undefined);
  assert.equal(await proofs.of(digest as Digest, Deno.lstatSync(path)).verdict, true);
});

Deno.test("large blobs are hashed one after another", async () => {
  await using at = await place();
  using proofs = await Proofs.open(folderAt(pathsOf(at.models)));
  const order: string[] = [];
  const begin = (letter: string, mebibytes: number) => {
    const path = `${at.models}/blobs/sha256-${letter.repeat(64)}`;
    Deno.writeTextFileSync(path, "");
    Deno.truncateSync(path, mebibytes << 20);
    const { verdict } = proofs.of(`sha256:${letter.repeat(64)}` as Digest, Deno.lstatSync(path));
    return verdict.then((isRight) => order.push(`${letter} ${isRight}`));
  };
  await Promise.all([begin("a", 160), begin("b", 40)]);
  assert.deepEqual(order, ["a false", "b false"]);
});

testWith(
  ["a file in the place of a folder"],
  "a blob that cannot be read is not taken for one that is missing",
  async () => {
    await using at = await place();
    const { digest } = at.weights;
    using shelf = await openFolder(at.models).shelf([], () => 0);
    await shelf.offer();
    Deno.renameSync(`${at.models}/blobs`, `${at.root}/away`);
    assert.equal(await shelf.blob(TINY, digest as Digest), undefined);
    Deno.writeTextFileSync(`${at.models}/blobs`, "");
    await assert.rejects(shelf.blob(TINY, digest as Digest), /cannot read/);
  },
);

Deno.test("a model that cannot be read is not taken for one that is missing", {
  // Root may read everything.
  ignore: Deno.build.os === "windows" || Deno.uid() === 0,
}, async () => {
  await using at = await place();
  Deno.chmodSync(at.tiny.path, 0);
  using shelf = await openFolder(at.models).shelf([], () => 0);
  assert.deepEqual((await shelf.offer()).incomplete, ["tiny:latest"]);
  await assert.rejects(shelf.manifest(TINY, "latest"), /cannot read/);
  assert.equal(await shelf.manifest({ ...TINY, model: "other" }, "latest"), undefined);
});

Deno.test("requests that come while the folder is read get what that finds, and do not read it again", async () => {
  await using at = await place();
  let now = 0;
  using shelf = await openFolder(at.models).shelf([], () => now += 10_000);
  const [one, two, three] = await Promise.all([shelf.offer(), shelf.offer(), shelf.offer()]);
  assert.equal(one, two);
  assert.equal(one, three);
  assert.notEqual(await shelf.offer(), one);
});
