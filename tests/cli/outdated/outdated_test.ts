import assert from "node:assert/strict";
import { startRegistry } from "../../fakes/registry.ts";
import { fakeHost } from "../fake_host.ts";
import { idOf, place } from "./place.ts";
import { testWith } from "../../needs.ts";

Deno.test("outdated lists what has changed in the registry, with both IDs and what there is to download", async () => {
  await using at = await place();
  const old = await at.install("library/moved:latest", 1);
  await at.install("library/same:latest", 2);
  const now = at.move("library/moved:latest", 3);
  const asked = at.registry.requests.length;
  const { code, out, err } = await at.ran(["outdated"]);
  assert.equal(code, 0, err);
  const [header, row, ...others] = out.trimEnd().split("\n");
  assert.match(header!, /^NAME +INSTALLED +AVAILABLE +TO DOWNLOAD$/);
  // Of the new version only the weights are not here.
  const size = (now.layers[0]!.size / 1e6).toFixed(1);
  assert.match(row!, new RegExp(`moved:latest +${idOf(old)} +${idOf(now)} +${size} MB$`));
  assert.deepEqual(others, []);
  assert.match(err, /^1 of 2 models outdated, 1\.0 MB to download\n$/);
  const requests = at.registry.requests.slice(asked);
  assert.ok(requests.length > 0 && requests.every(({ path }) => path.includes("/manifests/")));
});

Deno.test("outdated says that all is up to date, lists it with --verbose, and prints nothing else for scripts", async () => {
  await using at = await place();
  const same = await at.install("library/same:latest", 2);
  const first = await at.ran(["outdated"]);
  assert.deepEqual([first.code, first.out, first.err], [0, "", "1 model up to date\n"]);
  const { out } = await at.ran(["outdated", "--verbose"]);
  assert.match(out, new RegExp(`same:latest +${idOf(same)} +up to date +-\n$`));
  const quiet = await at.ran(["outdated", "--quiet"]);
  assert.deepEqual([quiet.code, quiet.out, quiet.err], [0, "", ""]);
  at.move("library/same:latest", 3);
  const changed = await at.ran(["outdated", "--quiet"]);
  assert.deepEqual([changed.out, changed.err], [`${same.name}\n`, ""]);
});

Deno.test("outdated lists a model that its registry does not have, which is a failure only if it was named", async () => {
  await using at = await place();
  const gone = await at.install("library/gone:latest", 1);
  at.registry.faults.manifest = () => ({ status: 404 });
  const all = await at.ran(["outdated"]);
  assert.equal(all.code, 0, all.err);
  assert.match(all.out, /gone:latest .* not in the registry +-\n$/);
  const named = await at.ran(["outdated", gone.name]);
  assert.equal(named.code, 4);
  assert.match(named.err, /cannot compare .*gone:latest: /);
});

Deno.test("a registry that cannot be reached does not keep outdated from comparing the others", async () => {
  await using at = await place();
  {
    await using other = await startRegistry();
    await at.install("library/lost:latest", 1, other);
  }
  await at.install("library/moved:latest", 2);
  at.move("library/moved:latest", 3);
  const { code, out, err } = await at.ran(["outdated", "--max-retries", "0"]);
  assert.equal(code, 1);
  assert.match(out, /lost:latest .* not known +-$/m);
  assert.match(out, /moved:latest .* 1\.0 MB$/m);
  assert.match(err, /cannot compare .*lost:latest: .*refused/);
});

Deno.test("outdated of a model that is not installed says so and how to list those that are", async () => {
  await using at = await place();
  const { code, out, err } = await at.ran(["outdated", "nosuch"]);
  assert.deepEqual([code, out], [4, ""]);
  assert.match(err, /cannot compare nosuch:latest: it is not installed\nhint: .*pullama list/);
});

testWith(
  ["names that differ in case"],
  "of two models whose names differ in case, the one that is named is compared, once",
  async () => {
    await using at = await place();
    const lower = await at.install("library/same:latest", 1);
    const upper = at.move("library/Same:latest", 2);
    // A server on a file system that tells them apart may have both.
    const path = `${at.models}/manifests/${at.registry.host}/library`;
    Deno.mkdirSync(`${path}/Same`);
    Deno.writeFileSync(`${path}/Same/latest`, upper.manifest);
    for (const { name } of [lower, upper]) {
      const { code, out } = await at.ran(["outdated", name, name, "--output", "json"]);
      const shown = JSON.parse(out).models.map((
        model: Record<string, string>,
      ) => [model.full_name, model.status]);
      assert.deepEqual([code, shown], [0, [[name, "current"]]]);
    }
    const either = at.registry.host + "/library/SAME";
    const { code, err } = await at.ran(["outdated", either]);
    assert.equal(code, 1);
    assert.match(err, /differ only in case/);
  },
);

Deno.test("a signal ends outdated with exit code 1", async () => {
  await using at = await place();
  await at.install("library/slow:latest", 1);
  const host = fakeHost();
  at.registry.faults.manifest = () => {
    host.interrupt();
    return { delayMs: Infinity };
  };
  const { code, err } = await at.ran(["outdated"], host);
  assert.deepEqual([code, err], [1, "interrupted\n"]);
});
