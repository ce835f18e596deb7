/** Two processes where files cannot be locked, or where the file system only says that they are. */

import assert from "node:assert/strict";
import { machine } from "../crash/machine.ts";
import { until } from "../crash/scene.ts";
import { makeModel } from "../fakes/model.ts";
import { startRegistry } from "../fakes/registry.ts";
import { type Need, testWith } from "../needs.ts";
import { assertInstalled, filesIn } from "./store.ts";

const MIB = 1 << 20;
const RATE = 12 * MIB;

/** A registry that needs some seconds for the model, and processes whose `flock` ends as `inject` says. */
async function place(inject: string) {
  await using stack = new AsyncDisposableStack();
  const registry = stack.use(await startRegistry({ bytesPerSecond: RATE }));
  const at = stack.use(await machine());
  const model = registry.add("library/tiny:latest", makeModel({ size: 4 * RATE }));
  const { name, manifest, layers, config } = model;
  const weights = layers[0]!;
  const prefix = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", `inject=flock:${inject}`];
  const owned = stack.move();
  return {
    registry,
    weights,
    own: `${at.models}/.pullm`,
    pull: () => at.start([name], prefix),
    clean: () => at.start(["clean"], prefix),
    assertInstalled: () =>
      assertInstalled(at.models, name, { manifest, blobs: [...layers, config!] }),
    served: (bytes: number) =>
      until(() => registry.served(weights.digest) >= bytes, "the pull makes no progress"),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

testWith(
  ["strace"],
  "where files cannot be locked, a second pull waits and downloads nothing",
  async () => {
    await using at = await place("error=ENOLCK");
    await using first = at.pull();
    await at.served(MIB);
    await using second = at.pull();
    await second.says(/waiting for another process \(pid \d+ on /);
    assert.equal((await first.ended).code, 0, first.out() + first.err());
    assert.equal((await second.ended).code, 0, second.out() + second.err());
    assert.equal(at.registry.served(at.weights.digest), at.weights.size);
    at.assertInstalled();
    assert.deepEqual(filesIn(at.own).filter((name) => name.includes(".held")), []);
  },
);

testWith(
  ["strace"],
  "two pulls that both seem to have the lock: the first one stops with a sentence, and no byte is wrong",
  async () => {
    await using at = await place("retval=0");
    await using first = at.pull();
    await at.served(MIB);
    await using second = at.pull();
    const { code } = await first.ended;
    assert.equal(code, 1, first.out() + first.err());
    assert.match(
      first.err(),
      /another pullama has begun to write \S+\/sha256-[0-9a-f]+\S* as well\nhint: files are not locked on this file system/,
    );
    assert.equal((await second.ended).code, 0, second.out() + second.err());
    at.assertInstalled();
  },
);

const SLOW: readonly Need[] = ["strace", "a long time"];
testWith(
  SLOW,
  "where files cannot be locked, the lock of a pull that was killed is free within a minute",
  async () => {
    await using at = await place("error=ENOLCK");
    {
      await using first = at.pull();
      await at.served(2 * MIB);
      // strace would leave the program running.
      const children = `/proc/${first.process.pid}/task/${first.process.pid}/children`;
      for (const pid of (await Deno.readTextFile(children)).trim().split(" ")) {
        Deno.kill(Number(pid), "SIGKILL");
      }
      await first.ended;
    }
    await using second = at.pull();
    await second.says(/waiting for another process/);
    const began = performance.now();
    assert.equal((await second.ended).code, 0, second.out() + second.err());
    assert.ok(performance.now() - began < 60_000);
    at.assertInstalled();
    await using clean = at.clean();
    assert.equal((await clean.ended).code, 0, clean.out() + clean.err());
    assert.deepEqual(filesIn(at.own).filter((name) => name.includes(".held")), []);
  },
);
