import assert from "node:assert/strict";
import { parseName } from "../../src/core/name.ts";
import { openEngine } from "../../src/setup/engine.ts";
import { makeModel } from "../fakes/model.ts";
import { startRegistry } from "../fakes/registry.ts";
import { temporaryFolder } from "../real/child.ts";

Deno.test("two pulls of one engine hear of their own requests only", async () => {
  await using registry = await startRegistry();
  await using folder = await temporaryFolder();
  const never = new AbortController().signal;
  await using engine = await openEngine({
    modelsDir: folder.path,
    insecure: true,
    maxRetries: 0,
    chunkSize: 1 << 26,
    timeoutMs: 60_000,
    connections: 2,
    force: false,
    dryRun: false,
  }, { soft: never, hard: never });
  const names = ["one", "two"];
  const heard = names.map((): string[] => []);
  for (const [k, name] of names.entries()) {
    registry.add(`library/${name}:latest`, makeModel({ size: 3_000_000, seed: k + 1 }));
  }
  await Promise.all(
    names.map((name, k) =>
      engine.pull(parseName(`${registry.host}/library/${name}`), (event) => {
        if (event.event === "request") heard[k]!.push(event.url);
      })
    ),
  );
  for (const [k, name] of names.entries()) {
    assert.ok(heard[k]!.length > 3);
    assert.deepEqual(heard[k]!.filter((url) => !url.includes(`/library/${name}/`)), []);
  }
});
