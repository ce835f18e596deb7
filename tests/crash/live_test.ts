import assert from "node:assert/strict";
import { intersect, type Range, total, union } from "../../src/core/ranges.ts";
import { makeModel } from "../fakes/model.ts";
import { startRegistry } from "../fakes/registry.ts";
import { kill, wasKilled } from "../real/child.ts";
import { assertInstalled } from "../real/store.ts";
import { MIB, quiet } from "./kills.ts";
import { some } from "../seed.ts";
import { machine } from "./machine.ts";

const RATE = 10 * MIB;
const LINE = 64;

/** Changes to the file of positions between the kill and the next run. */
const LIES: Readonly<Record<string, (text: string) => string | undefined>> = {
  "that are missing": () => undefined,
  "beyond the data": (text) =>
    text.replaceAll(
      /^(\d{16}) (\d{16})/gm,
      (_, start, end) => `${start} ${String(Number(end) + 2 * MIB).padStart(16, "0")}`,
    ),
  "of another boot": (text) =>
    text.replace(/boot (\d+)/, (_, boot) => `boot ${String(Number(boot) - 100)}`),
  "that are garbage": (text) => text.slice(0, LINE) + "\0\xff?".repeat(500),
  "that are truncated": (text) => text.slice(0, LINE + 30),
};

for (const [what, lie] of some(Object.entries(LIES), 0.4)) {
  Deno.test(`case 83: positions ${what} cost their own ranges and no verified one`, async () => {
    await using registry = await startRegistry({ bytesPerSecond: RATE });
    await using place = await machine();
    const model = registry.add("library/tiny:latest", makeModel({ size: 36 * MIB }));
    const weights = model.layers[0]!;
    const args = [model.name, "--output", "compact"];
    await using run = place.start(args);
    while (place.unfinished("json").length === 0 || registry.served(weights.digest) < 24 * MIB) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    kill(run.process, "SIGKILL");
    assert.ok(wasKilled(await run.ended), run.out());
    await quiet(registry);
    const before = registry.served(weights.digest);
    const { prefix, proven } = JSON.parse(await Deno.readTextFile(place.unfinished("json")[0]!));
    const safe: Range[] = union([{ start: 0, end: prefix.at(-1)?.end ?? 0 }, ...proven]);
    const [live = ""] = place.unfinished("live");
    const text = lie(await Deno.readTextFile(live));
    if (text === undefined) await Deno.remove(live);
    else await Deno.writeTextFile(live, text);
    const asked = registry.requests.length;

    await using again = place.start(args);
    assert.equal((await again.ended).code, 0, again.err());
    assertInstalled(place.models, model.name, {
      manifest: model.manifest,
      blobs: [...model.layers, model.config!],
    });
    await quiet(registry);
    const fetched = registry.requests.slice(asked)
      .filter(({ path }) => path.endsWith(weights.digest)).flatMap(({ range }) => range ?? []);
    assert.ok(total(safe) > 0);
    assert.equal(total(intersect(safe, union(fetched))), 0, "proven bytes were asked for again");
    const twice = registry.served(weights.digest) - weights.size;
    const most = before - total(safe) + 12 * MIB;
    assert.ok(twice < most, `${twice} bytes came twice, ${most} at most`);
  });
}
