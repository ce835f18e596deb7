import assert from "node:assert/strict";
import type { AddedModel } from "../../fakes/registry.ts";
import { assertInstalled, filesIn } from "../../real/store.ts";
import { fakeHost } from "../fake_host.ts";
import { idOf, place, SIZE } from "../outdated/place.ts";

function assertHas(models: string, { name, manifest, layers, config }: AddedModel): void {
  assertInstalled(models, name, { manifest, blobs: [...layers, config!] });
}

Deno.test("update --all pulls what has changed, says what it replaces and frees, and downloads nothing else", async () => {
  await using at = await place();
  const old = await at.install("library/moved:latest", 1);
  const same = await at.install("library/same:latest", 2);
  const now = at.move("library/moved:latest", 3);
  const served = at.registry.served(same.layers[0]!.digest);
  const { code, out, err } = await at.ran(["update", "--all"]);
  assert.equal(code, 0, err);
  assert.match(out, new RegExp(`replaces ${idOf(old)}`));
  assert.match(out, /1\.0 MB freed/);
  assertHas(at.models, now);
  assertHas(at.models, same);
  assert.equal(at.registry.served(same.layers[0]!.digest), served);
  // The weights of both, and what they share.
  assert.equal(filesIn(`${at.models}/blobs`).length, 2 + now.layers.length);
  const again = await at.ran(["update", "--all"]);
  assert.deepEqual([again.code, again.out, again.err], [0, "", "2 models up to date\n"]);
});

Deno.test("one model that cannot be updated does not keep the others from it", async () => {
  await using at = await place();
  await at.install("library/bad:latest", 1);
  await at.install("library/good:latest", 2);
  const bad = at.move("library/bad:latest", 3);
  const good = at.move("library/good:latest", 4);
  at.registry.faults.data = ({ path }) =>
    path.endsWith(bad.layers[0]!.digest) ? { status: 404 } : undefined;
  const { code, err } = await at.ran(["update", "--all", "--max-retries", "0"]);
  assert.equal(code, 4);
  assert.match(err, /cannot pull .*bad:latest/);
  assertHas(at.models, good);
  const list = JSON.parse((await at.ran(["outdated", "--output", "json"])).out);
  const left = list.models.filter(({ status }: { status: string }) => status === "outdated");
  assert.deepEqual(left.map(({ full_name }: { full_name: string }) => full_name), [bad.name]);
});

Deno.test("update with --dry-run lists what has changed and its size, and changes nothing", async () => {
  await using at = await place();
  const old = await at.install("library/moved:latest", 1);
  const now = at.move("library/moved:latest", 3);
  const before = filesIn(at.models);
  const { code, out, err } = await at.ran(["update", "--all", "--dry-run"]);
  assert.equal(code, 0, err);
  assert.match(out, new RegExp(`moved:latest +${idOf(old)} +${idOf(now)} +1\\.0 MB`));
  assert.match(err, /^1 of 1 model outdated, 1\.0 MB to download\n$/);
  assert.deepEqual(filesIn(at.models), before);
  assert.equal(at.registry.served(now.layers[0]!.digest), 0);
});

Deno.test("an interrupted update says how to resume, and the same command downloads the rest", async () => {
  await using at = await place();
  const old = await at.install("library/moved:latest", 1);
  const now = at.move("library/moved:latest", 3);
  const weights = now.layers[0]!;
  const host = fakeHost();
  at.registry.faults.data = ({ path }) =>
    path.endsWith(weights.digest) ? { end: { after: SIZE / 2, how: "stall" } } : undefined;
  const running = at.ran(["update", now.name], host);
  while (!/\b[1-9]\d% /.test(host.out.text)) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  host.interrupt();
  const { code, err } = await running;
  assert.equal(code, 0);
  assert.match(err, new RegExp(`resume with: pullama ${now.name} `));
  assertHas(at.models, old);
  delete at.registry.faults.data;
  const before = at.registry.served(weights.digest);
  assert.equal((await at.ran(["update", now.name])).code, 0);
  assertHas(at.models, now);
  assert.ok(at.registry.served(weights.digest) - before < weights.size);
});

Deno.test("an update that is interrupted while it compares ends each model with an event", async () => {
  await using at = await place();
  const { name } = await at.install("library/moved:latest", 1);
  const host = fakeHost();
  host.interrupt();
  const { code, out, err } = await at.ran(["update", name, "--output", "json"], host);
  assert.equal(code, 0);
  assert.match(err, new RegExp(`resume with: pullama update ${name} `));
  const events = out.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(events.map(({ event, Name }) => [event, Name]), [
    ["pull_start", name],
    ["pull_interrupted", name],
  ]);
});

Deno.test("update without a model, and with models and --all, is a usage error that says what to do", async () => {
  await using at = await place();
  for (const args of [["update"], ["update", "m", "--all"]]) {
    const { code, err } = await at.ran(args);
    assert.equal(code, 1);
    assert.match(
      err,
      /name the models to update, or --all for all of them\nhint: .*pullama outdated/,
    );
  }
});

Deno.test("update of a model that is not installed fails, and updates the others", async () => {
  await using at = await place();
  await at.install("library/moved:latest", 1);
  const now = at.move("library/moved:latest", 3);
  const { code, err } = await at.ran(["update", "nosuch", now.name]);
  assert.equal(code, 4);
  assert.match(err, /cannot compare nosuch:latest: it is not installed/);
  assertHas(at.models, now);
  const json = await at.ran(["update", "nosuch", now.name, "--output", "json"]);
  assert.equal(json.code, 4);
  const events = json.out.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(events.map(({ event, Name, Kind }) => [event, Name, Kind]), [
    ["current", now.name, undefined],
    ["pull_failed", "registry.ollama.ai/library/nosuch:latest", "not_found"],
  ]);
  assert.equal(events[0].Digest, now.digest);
});
