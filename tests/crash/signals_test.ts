import assert from "node:assert/strict";
import { slowed } from "../fakes/capacity.ts";
import { assertInstalled } from "../real/store.ts";
import { MIB, quiet } from "./kills.ts";
import { scene, servedAtLeast, SOON_MS } from "./scene.ts";
import { testWith } from "../needs.ts";

/** So slow that another pull begins meanwhile; on Windows that takes longer. */
const AT_LEISURE = (Deno.build.os === "windows" ? 3 : 10) * MIB;

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  testWith(
    ["signals of Unix"],
    `case 97: ${signal} ends a pull with exit code 0 and a hint, and the next one resumes it`,
    async () => {
      await using it = await scene({ bytesPerSecond: 20 * MIB });
      const { registry, place, model, weights, args } = it;
      await using run = place.start(args);
      await servedAtLeast(registry, weights.digest, 10 * MIB);
      const sent = performance.now();
      run.process.kill(signal);
      const { code } = await run.ended;
      assert.ok(performance.now() - sent < SOON_MS);
      assert.equal(code, 0, run.err());
      assert.ok(run.err().includes(`resume with: pullama ${model.name}`), run.err());
      await quiet(registry);
      const checkpoint = JSON.parse(await Deno.readTextFile(place.unfinished("json")[0]!));
      const prefix = checkpoint.prefix.at(-1)?.end ?? 0;
      const kept = checkpoint.proven.reduce(
        (sum: number, { start, end }: { start: number; end: number }) => sum + end - start,
        prefix,
      );
      const asked = registry.requests.length;
      const before = registry.served(weights.digest);
      assert.ok(before - kept < 4 * MIB, `${kept} of ${before} kept`);

      await using again = place.start(args);
      assert.equal((await again.ended).code, 0, again.err());
      assertInstalled(place.models, model.name, it.installed);
      await quiet(registry);
      // A connection that hands over a part of its range stops a little late.
      const twice = registry.served(weights.digest) - before - (weights.size - kept);
      assert.ok(twice >= 0 && twice < MIB, `${twice} bytes came twice`);
      const starts = registry.requests.slice(asked).flatMap(({ range }) => range?.start ?? []);
      assert.ok(starts.length > 0 && starts.every((start) => start >= prefix));
    },
  );
}

testWith(
  ["signals of Unix"],
  "case 97: a signal ends a pull whose server has stalled, and one that waits for a retry",
  async () => {
    await using it = await scene({});
    const { registry, place, weights, args } = it;
    const hanging = Promise.withResolvers<void>();
    registry.faults.data = ({ path }, n) => {
      if (!path.endsWith(weights.digest) || n === 1) return undefined;
      hanging.resolve();
      return n % 2 === 0 ? { delayMs: Infinity } : { end: { after: 70_000, how: "stall" } };
    };
    await using run = place.start(args);
    await hanging.promise;
    run.process.kill("SIGINT");
    const sent = performance.now();
    assert.equal((await run.ended).code, 0, run.err());
    assert.ok(performance.now() - sent < SOON_MS);
    assert.match(run.err(), /resume with: pullama /);

    registry.faults.data = () => ({ status: 503, headers: { "retry-after": "60" } });
    await using waiting = place.start([...args, "--output", "debug"]);
    await waiting.says(/retry/);
    waiting.process.kill("SIGTERM");
    const again = performance.now();
    assert.equal((await waiting.ended).code, 0, waiting.err());
    assert.ok(performance.now() - again < SOON_MS);
  },
);

testWith(
  ["signals of Unix"],
  "case 97: a second signal ends the process at once with exit code 1 and one line",
  async () => {
    await using it = await scene({ bytesPerSecond: AT_LEISURE });
    const { registry, place, weights, args } = it;
    await using run = place.start(args);
    await servedAtLeast(registry, weights.digest, 2 * MIB);
    run.process.kill("SIGINT");
    run.process.kill("SIGTERM");
    const sent = performance.now();
    const { code } = await run.ended;
    assert.ok(performance.now() - sent < SOON_MS);
    assert.equal(code, 1);
    assert.equal(
      run.err(),
      "exited at once: another signal arrived before the program had stopped\n",
    );
  },
);

testWith(
  ["readable locks"],
  "case 95: of two pulls of a model one downloads, the other waits and names its process",
  async () => {
    await using it = await scene({ bytesPerSecond: AT_LEISURE });
    const { registry, place, model, weights, args } = it;
    await using first = place.start(args);
    await servedAtLeast(registry, weights.digest, 2 * MIB);
    await using second = place.start([model.name, "--output", "json"]);
    await second.says(new RegExp(`pid ${first.process.pid} on `));
    const [one, other] = await Promise.all([first.ended, second.ended]);
    assert.deepEqual([one.code, other.code], [0, 0], first.err() + second.err());
    assertInstalled(place.models, model.name, it.installed);
    await quiet(registry);
    const twice = registry.served(weights.digest) - weights.size;
    assert.ok(twice >= 0 && twice < await slowed(2 * MIB), `${twice} bytes came twice`);
    assert.match(second.out(), /blob_cached/);
  },
);

testWith(
  ["readable locks"],
  "case 95: a waiting pull takes over when the other one is killed",
  async () => {
    await using it = await scene({ bytesPerSecond: AT_LEISURE });
    const { registry, place, model, weights, args } = it;
    await using first = place.start(args);
    await servedAtLeast(registry, weights.digest, 8 * MIB);
    await using second = place.start([model.name, "--output", "json"]);
    await second.says(new RegExp(`pid ${first.process.pid} on `));
    first.process.kill("SIGKILL");
    await first.ended;
    assert.equal((await second.ended).code, 0, second.err());
    assertInstalled(place.models, model.name, it.installed);
    await quiet(registry);
    const twice = registry.served(weights.digest) - weights.size;
    assert.ok(twice < 4 * MIB, `${twice} bytes came twice`);
  },
);

testWith(["signals of Unix"], "case 95: a signal ends a pull that waits for another", async () => {
  await using it = await scene({ bytesPerSecond: 4 * MIB });
  const { registry, place, model, weights, args } = it;
  await using first = place.start(args);
  await servedAtLeast(registry, weights.digest, MIB);
  await using second = place.start([model.name, "--output", "json"]);
  await second.says(new RegExp(`pid ${first.process.pid} on `));
  second.process.kill("SIGINT");
  const sent = performance.now();
  assert.equal((await second.ended).code, 0, second.err());
  assert.ok(performance.now() - sent < SOON_MS);
});
