import assert from "node:assert/strict";
import { linkTo } from "../../fakes/link.ts";
import { makeModel } from "../../fakes/model.ts";
import { quiet } from "../../crash/kills.ts";
import { servedAtLeast, until } from "../../crash/scene.ts";
import { fakeHost } from "../fake_host.ts";
import { place } from "../outdated/place.ts";
import { needing } from "../../needs.ts";

const MIB = 1 << 20;

Deno.test("pause, status, limit and resume act on a pull that is running", async () => {
  await using at = await place();
  const model = at.registry.add("library/big:latest", makeModel({ size: 12 * MIB }));
  at.registry.faults.data = () => ({ bytesPerSecond: MIB });
  const host = fakeHost();
  const pull = at.ran(["pull", model.name, "--output", "json", "--connections", "2"], host);
  await servedAtLeast(at.registry, model.layers[0]!.digest, 3 * MIB);
  const running = JSON.parse((await at.ran(["status", "--output", "json"])).out);
  assert.equal(running.paused, false);
  const [one] = running.pulls;
  assert.deepEqual([one.full_name, one.pid], [model.name, Deno.pid]);
  assert.ok(
    one.percent >= 20 && one.bytes_per_second > 0 && one.eta_seconds > 0,
    JSON.stringify(one),
  );
  const hurried = fakeHost();
  hurried.interrupt();
  const looked = JSON.parse((await at.ran(["status", "--output", "json"], hurried)).out);
  assert.equal(looked.pulls[0].bytes_per_second, undefined);

  const paused = await at.ran(["pause"]);
  assert.equal(paused.code, 0, paused.err);
  assert.match(paused.out, /^all pulls of this folder are paused; .*\n1 pull is running\n$/);
  await until(() => host.out.text.includes('"Closed":"paused"'), "it is not paused");
  await quiet(at.registry);
  const requests = at.registry.requests.length;
  const { out } = await at.ran(["status"]);
  assert.match(
    out,
    /^NAME +PULLED BY +DONE +SIZE +RATE +ETA\n.*big:latest +pid \d+ on .* +\d\d% +12 MB +paused +-\n/,
  );
  assert.match(
    out,
    /\nall pulls of this folder are paused; to continue them: pullama resume --models-dir \S+\n$/,
  );
  assert.equal(at.registry.requests.length, requests);

  delete at.registry.faults.data;
  const limited = await at.ran(["limit", "8M"]);
  assert.match(
    limited.out,
    /\neach pull of this folder gets at most 8 MB\/s; .*\n1 pull is running\n$/,
  );
  const resumed = await at.ran(["resume", "--output", "json"]);
  assert.deepEqual([JSON.parse(resumed.out).limit_rate, JSON.parse(resumed.out).paused], [
    8_000_000,
    false,
  ]);
  assert.equal((await pull).code, 0, host.err.text);
  assert.match(
    host.out.text,
    /"event":"pace",[^\n]*"LimitBytesPerSecond":8000000,"From":"folder"\}/,
  );
  const off = await at.ran(["limit", "off"]);
  assert.equal(off.out, "nothing is set for the pulls of this folder\n0 pulls are running\n");
  assert.equal((await at.ran(["status"])).out, "nothing is being pulled\n");
});

Deno.test("a pull outside of its window waits, says until when, and ends in order with a signal", async () => {
  await using at = await place();
  const model = at.registry.add("library/big:latest", makeModel({ size: 2 * MIB }));
  const host = fakeHost();
  // Not in the minutes that this test takes.
  const hour = (new Date().getHours() + 12) % 24;
  const hours = `${hour}:00-${hour}:30`;
  const pull = at.ran(["pull", model.name, "--window", hours], host);
  await until(() => host.out.text.includes("--window"), "it does not wait");
  const begin = `${String(hour).padStart(2, "0")}:00`;
  assert.match(
    host.out.text,
    new RegExp(`outside the hours of --window: waiting until ${begin}\n`),
  );
  assert.ok(at.registry.requests.every(({ path }) => path.includes("/manifests/")));
  const line = `big:latest is downloaded at ${begin}-${begin.slice(0, 2)}:30 only\n`;
  let status = "";
  for (let looks = 0; looks < 500 && !status.includes(line); looks++) {
    status = (await at.ran(["status"])).out;
  }
  assert.ok(status.includes(line), status);
  host.interrupt();
  assert.equal((await pull).code, 0);
  assert.match(host.err.text, /interrupted/);
  const now = await at.ran(["pull", model.name, "--window", "00:00-24:00", "--limit-rate", "off"]);
  assert.equal(now.code, 0, now.err);
});

Deno.test("limit, pause, --window and --limit-rate refuse what they do not understand, and change nothing", async () => {
  await using at = await place();
  const cases: readonly (readonly [words: string, message: RegExp])[] = [
    ["limit", /missing required argument/],
    ["limit fast", /'fast' is invalid.*invalid rate "fast"/],
    ["limit 0", /'0' is invalid/],
    ["pause now", /too many arguments/],
    ["pull m --window 25:00-26:00", /'25:00-26:00' is invalid.*write them like 01:00-07:00/],
    ["pull m --window 01:00", /'01:00' is invalid/],
    ["pull m --limit-rate 1M,2M", /'1M,2M' is invalid.*invalid hours "2M"/],
  ];
  for (const [words, message] of cases) {
    const { code, err } = await at.ran(words.split(" "));
    assert.equal(code, 1, words);
    assert.match(err, message);
  }
  await assert.rejects(Deno.stat(at.models), Deno.errors.NotFound);
});

Deno.test("a file of another user, or one that is no number, limits and pauses nothing", async () => {
  await using at = await place();
  const model = await at.install("library/a:latest", 1);
  const own = `${at.models}/.pullm`;
  const read = async () => JSON.parse((await at.ran(["status", "--output", "json"])).out);
  for (
    const [rate, paused] of [["4711\n", "4711\n"], ["rate 1e9999\n", ""], [
      "rate 0\n",
      "{}",
    ]] as const
  ) {
    await Deno.writeTextFile(`${own}/limit`, rate);
    await Deno.writeTextFile(`${own}/paused`, paused);
    assert.deepEqual(await read(), { pulls: [], paused: false });
  }
  if (Deno.build.os === "windows" || Deno.uid() !== 0) return;
  for (const [name, text] of [["limit", "rate 1\n"], ["paused", "paused\n"]]) {
    await Deno.writeTextFile(`${own}/${name}`, text!);
    await Deno.chown(`${own}/${name}`, 54321, 54321);
  }
  assert.deepEqual(await read(), { pulls: [], paused: false });
  assert.equal((await at.ran(["pull", model.name])).code, 0);
});

Deno.test("a pause is said even with --quiet, and the way out names the folder", async () => {
  await using at = await place();
  const model = await at.install("library/a:latest", 1);
  const folder = ["--models-dir", at.models];
  const paused = await at.ran(["pause"]);
  assert.ok(paused.out.includes(`pullama resume --models-dir ${at.models}\n`), paused.out);
  at.move("library/a:latest", 2);
  for (const flags of [["--quiet"], ["--output", "compact"]]) {
    const host = fakeHost();
    const pull = at.ran(["pull", model.name, ...flags], host);
    await until(() => host.err.text.includes("warning: paused; "), "it does not say that it waits");
    host.interrupt();
    assert.equal((await pull).code, 0);
  }
  assert.equal((await at.ran(["resume"])).code, 0, folder.join(" "));
  assert.equal((await at.ran(["pull", model.name, "--quiet"])).code, 0);
});

Deno.test({
  ...needing(
    ["symbolic links"],
    "resume and limit off remove nothing through a link in the place of .pullm",
  ),
  async fn() {
    await using at = await place();
    const victim = `${at.models}-victim`;
    await Deno.mkdir(at.models, { recursive: true });
    await Deno.mkdir(victim);
    for (const name of ["limit", "paused"]) await Deno.writeTextFile(`${victim}/${name}`, "1\n");
    linkTo(victim, `${at.models}/.pullm`);
    for (const words of ["resume", "limit off", "pause", "limit 1M"]) {
      const { code, err } = await at.ran(words.split(" "));
      assert.equal(code, 1, words);
      assert.match(err, /\.pullm exists and is not a directory/);
    }
    for (const name of ["limit", "paused"]) {
      assert.equal(await Deno.readTextFile(`${victim}/${name}`), "1\n");
    }
  },
});
