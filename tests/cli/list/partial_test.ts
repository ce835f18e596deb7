import assert from "node:assert/strict";
import { makeModel } from "../../fakes/model.ts";
import { place } from "../outdated/place.ts";
import { testWith } from "../../needs.ts";

const MIB = 1 << 20;

testWith(
  ["readable locks"],
  "list --partial shows what an unfinished pull has kept, and which process is pulling",
  async () => {
    await using at = await place();
    const none = await at.ran(["list", "--partial"]);
    assert.deepEqual([none.code, none.err], [0, "no partial downloads\n"]);
    await at.install("library/whole:latest", 1);
    const model = at.registry.add("library/half:latest", makeModel({ size: 8 * MIB, seed: 2 }));
    const total = [...model.layers, model.config!].reduce((sum, { size }) => sum + size, 0);
    const asked = Promise.withResolvers<void>();
    const looked = Promise.withResolvers<void>();
    let requests = 0;
    at.registry.faults.data = async ({ path }) => {
      if (!path.includes(model.layers[0]!.digest)) return undefined;
      asked.resolve();
      await looked.promise;
      return { end: { after: requests++ === 0 ? 2 * MIB : 0, how: "reset" } };
    };
    const pull = at.ran(["pull", model.name, "--connections", "1", "--max-retries", "0"]);
    await asked.promise;
    const during =
      JSON.parse((await at.ran(["list", "--partial", "--output", "json"])).out).partial;
    assert.equal(during.length, 1);
    assert.equal(during[0].full_name, model.name);
    assert.equal(during[0].size, total);
    assert.deepEqual([during[0].active, during[0].holder], [
      true,
      `pid ${Deno.pid} on ${Deno.hostname()}`,
    ]);
    assert.match((await at.ran(["list", "--partial"])).out, /half:latest .* pid \d+ on /);
    looked.resolve();
    assert.equal((await pull).code, 1);

    const { code, out } = await at.ran(["list", "--partial"]);
    assert.equal(code, 0);
    const [header, row, ...others] = out.trimEnd().split("\n");
    assert.match(header!, /^NAME +KEPT +DONE +MODIFIED +PULLED BY$/);
    const [name, kept, percent, , by] = row!.split(/ {2,}/);
    assert.deepEqual([name, by, others], [model.name, "-", []]);
    assert.match(kept!, /^2\.\d MB$/);
    assert.match(percent!, /^2\d%$/);
    assert.equal((await at.ran(["list", "--partial", "-q"])).out, `${model.name}\n`);
    assert.equal((await at.ran(["list", "--partial", "other", "-q"])).out, "");
    const wrong = await at.ran(["list", "--partial", "--digests"]);
    assert.equal(wrong.code, 1);

    delete at.registry.faults.data;
    assert.equal((await at.ran(["pull", model.name])).code, 0);
    assert.equal((await at.ran(["list", "--partial", "-q"])).out, "");
  },
);

Deno.test("list --partial shows blobs of which it is not known what they are for", async () => {
  await using at = await place();
  await at.install("library/whole:latest", 1);
  await Deno.writeFile(
    `${at.models}/.pullm/sha256-${"0a".repeat(32)}.partial`,
    new Uint8Array(5000),
  );
  const { out } = await at.ran(["list", "--partial"]);
  assert.match(out, /^not known +5 kB +- +.* +-$/m);
  const [one] = JSON.parse((await at.ran(["list", "--partial", "--output", "json"])).out).partial;
  assert.deepEqual([one.name, one.size, one.active], [undefined, undefined, false]);
});
