import assert from "node:assert/strict";
import { MIB, quiet } from "./kills.ts";
import { killTheQueue } from "./queue_kills.ts";
import { queueWorld } from "./queue_world.ts";
import { SEED } from "../seed.ts";
import { testWith } from "../needs.ts";

/**
 * Milliseconds for a process to end after a signal; twice the documented time, for a busy machine.
 */
const SOON_MS = 4000;

Deno.test("case 107: queued models of other hosts and namespaces are installed under their full names", async () => {
  await using world = await queueWorld();
  await using other = await queueWorld();
  const models = [world.model("library/a"), world.model("user/a"), other.model("user/a")];
  const added = await world.queue("add", ...models.map(({ name }) => name));
  assert.deepEqual([added.code, added.out], [0, "added 3 models to the queue\n"], added.err);
  await using run = world.start();
  assert.equal((await run.ended).code, 0, run.err());
  world.assertInstalled(...models);
  assert.deepEqual(world.entries().map(([_, status]) => status), Array(3).fill("completed"));
});

Deno.test("case 108: models added while the queue runs are pulled in the same run, including a failed one that is added again", async () => {
  await using world = await queueWorld();
  const first = world.model("library/first");
  const second = world.model("user/second");
  const late = `${world.registry.host}/library/late`;
  await world.queue("add", late, first.name);
  const release = world.hold();
  await using run = world.start();
  await run.says(/queue \[2\/2\] pulling/);
  const again = world.model("library/late");
  const added = await world.queue("add", second.name, late);
  assert.equal(added.out, "added 2 models to the queue\n", added.err);
  release();
  const { code } = await run.ended;
  assert.equal(code, 4, "of the failure before");
  assert.match(run.out(), /queue \[3\/4\] pulling .*second/);
  assert.match(run.out(), /queue \[4\/4\] pulling .*late/);
  assert.match(run.out(), /\n3 of 4 models pulled\n/);
  world.assertInstalled(first, second, again);
});

testWith(
  ["signals of Unix"],
  "queue start --watch waits for further entries, pulls them, and ends in order with a signal",
  async () => {
    await using world = await queueWorld();
    await using run = world.start("--watch");
    const models = [world.model("library/first"), world.model("library/second")];
    for (const [i, { name }] of models.entries()) {
      await run.says(new RegExp(`(?:waiting for further entries[^]*){${i + 1}}`));
      await world.queue("add", name);
    }
    await run.says(/(?:waiting for further entries[^]*){3}/);
    world.assertInstalled(...models);
    run.process.kill("SIGTERM");
    const { code } = await run.ended;
    assert.equal(code, 0, run.err());
    assert.match(run.out(), /\n2 of 2 models pulled\n/);
  },
);

Deno.test("case 109: a pull whose runner was killed is resumed by the next one", async () => {
  await using world = await queueWorld({ bytesPerSecond: 8 * MIB });
  const model = world.model("library/big", 16 * MIB);
  const { digest, size } = model.layers[0]!;
  await world.queue("add", model.name);
  await using run = world.start();
  await run.says(/[2-9]\d%/);
  run.process.kill("SIGKILL");
  await run.ended;
  assert.deepEqual(world.entries(), [["library/big:latest", "active"]]);
  const list = await world.queue("list");
  assert.match(list.out, /library\/big:latest queued\n$/);
  await quiet(world.registry);
  const before = world.registry.served(digest);
  await using next = world.start();
  assert.equal((await next.ended).code, 0, next.err());
  world.assertInstalled(model);
  assert.deepEqual(world.entries(), [["library/big:latest", "completed"]]);
  await quiet(world.registry);
  const twice = world.registry.served(digest) - size;
  assert.ok(twice < before / 2, `${twice} of ${before} bytes came twice`);
});

Deno.test("case 110: one of three models fails, the others are installed, and exit code and summary report it", async () => {
  await using world = await queueWorld();
  const [a, c] = [world.model("library/a"), world.model("library/c")];
  await world.queue("add", a.name, `${world.registry.host}/library/nosuch`, c.name);
  await using run = world.start();
  assert.equal((await run.ended).code, 4);
  world.assertInstalled(a, c);
  assert.match(run.out(), /\n2 of 3 models pulled\n {2}pulled .*\/a:latest\n {2}failed .*nosuch/);
  assert.match(run.err(), /^cannot pull .*nosuch:latest: /m);
  assert.deepEqual(world.entries().map(([_, status]) => status), [
    "completed",
    "failed",
    "completed",
  ]);
});

testWith(
  ["readable locks"],
  "of two queue starts one runs and the other names its process, and nothing is pulled twice",
  async () => {
    await using world = await queueWorld();
    const models = [world.model("library/a", 2 * MIB), world.model("library/b", 2 * MIB)];
    await world.queue("add", ...models.map(({ name }) => name));
    const release = world.hold();
    await using one = world.start();
    await using other = world.start();
    await Promise.race([one.ended, other.ended]);
    release();
    const ends = await Promise.all([one.ended, other.ended]);
    assert.deepEqual(ends.map(({ code }) => code).sort(), [0, 1], one.err() + other.err());
    const [winner, loser] = ends[0].code === 0 ? [one, other] : [other, one];
    const who = `cannot start the queue: pid ${winner.process.pid} on `;
    assert.ok(loser.err().startsWith(who), loser.err());
    world.assertInstalled(...models);
    await quiet(world.registry);
    for (const { layers: [weights] } of models) {
      assert.ok(world.registry.served(weights!.digest) - weights!.size < MIB);
    }
  },
);

testWith(
  ["signals of Unix"],
  "the first signal lets the current model finish, and the queue can be resumed",
  async () => {
    await using world = await queueWorld();
    const [a, b] = [world.model("library/a"), world.model("library/b")];
    await world.queue("add", a.name, b.name);
    const release = world.hold();
    await using run = world.start();
    await run.says(/queue \[1\/2\] pulling/);
    run.process.kill("SIGINT");
    await run.says(/stopping after/);
    release();
    assert.equal((await run.ended).code, 0, run.err());
    assert.match(run.err(), /stopping after .*\/a:latest\n/);
    assert.match(run.err(), /resume with: pullama queue start --models-dir \S+ --insecure\n$/);
    world.assertInstalled(a);
    assert.deepEqual(world.entries().map(([_, status]) => status), ["completed", "queued"]);
    await using next = world.start();
    assert.equal((await next.ended).code, 0, next.err());
    assert.ok(!next.out().includes("/a:latest"));
    world.assertInstalled(b);
  },
);

testWith(
  ["signals of Unix"],
  "the second signal stops the current pull, which is queued again and resumed where it stopped",
  async () => {
    await using world = await queueWorld({ bytesPerSecond: 8 * MIB });
    const model = world.model("library/a", 16 * MIB);
    const { digest, size } = model.layers[0]!;
    await world.queue("add", model.name);
    await using run = world.start();
    await run.says(/[3-9]\d%/);
    run.process.kill("SIGTERM");
    await run.says(/stopping after/);
    run.process.kill("SIGINT");
    const sent = performance.now();
    assert.equal((await run.ended).code, 0, run.err());
    assert.ok(performance.now() - sent < SOON_MS);
    assert.match(run.out(), /stopped .*\/a:latest, queued again\n/);
    assert.match(run.err(), /resume with: pullama queue start --models-dir \S+ --insecure\n$/);
    assert.deepEqual(world.entries(), [["library/a:latest", "queued"]]);
    await quiet(world.registry);
    const before = world.registry.served(digest);
    await using next = world.start();
    assert.equal((await next.ended).code, 0, next.err());
    world.assertInstalled(model);
    await quiet(world.registry);
    const twice = world.registry.served(digest) - size;
    assert.ok(twice < 4 * MIB && twice < before, `${twice} bytes came twice`);
  },
);

testWith(
  ["signals of Unix"],
  "the third signal ends queue start at once with exit code 1",
  async () => {
    await using world = await queueWorld({ bytesPerSecond: 2 * MIB });
    const model = world.model("library/a", 16 * MIB);
    await world.queue("add", model.name);
    await using run = world.start();
    await run.says(/[1-9]\d?%/);
    run.process.kill("SIGINT");
    await run.says(/stopping after/);
    run.process.kill("SIGTERM");
    run.process.kill("SIGINT");
    const sent = performance.now();
    assert.equal((await run.ended).code, 1);
    assert.ok(performance.now() - sent < SOON_MS);
    assert.match((await world.queue("list")).out, / queued\n$/);
  },
);

Deno.test("20 kills of queue start while three processes add: no entry is lost, duplicated or stuck as active", async () => {
  const seed = SEED;
  const atWork = await killTheQueue({ kills: 20, each: 1, seed });
  console.log(`${atWork} of 20 were killed at work, seed ${seed}`);
  assert.ok(atWork >= 5, `only ${atWork} of 20 were killed at work, seed ${seed}`);
});
