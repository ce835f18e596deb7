import assert from "node:assert/strict";
import { parseName } from "../../src/core/name.ts";
import { openEngine } from "../../src/setup/engine.ts";
import { makeModel } from "../fakes/model.ts";
import { startRegistry } from "../fakes/registry.ts";
import { fakeHost } from "../cli/fake_host.ts";
import { testWith } from "../needs.ts";
import { temporaryFolder } from "../real/child.ts";
import { assertInstalled } from "../real/store.ts";
import { run as runProgram } from "../../src/cli/program.ts";
import { wire } from "../../src/cli/wire.ts";

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

testWith(
  ["Windows"],
  "a registry with a port is refused before any request, with the way round it",
  async () => {
    await using registry = await startRegistry({ onPort: true });
    await using folder = await temporaryFolder();
    const files = makeModel({ size: 100_000 });
    const { layers, config, manifest, name } = registry.add("library/tiny:latest", files);
    const run = async (...args: string[]) => {
      const host = fakeHost();
      const all = ["pull", ...args, "--models-dir", folder.path, "-q"];
      return { code: await runProgram(all, host, wire), err: host.err.text };
    };
    const refused = await run(name, "--insecure");
    assert.equal(refused.code, 1);
    assert.match(refused.err, /Windows does not allow ":" in a directory name: 127\.0\.0\.1:\d+\n/);
    assert.deepEqual(registry.requests, []);
    const [, words = ""] = /^hint: .*: pullama (.*)$/m.exec(refused.err) ?? [];
    const done = await run(...words.split(" "));
    assert.equal(done.code, 0, done.err);
    const blobs = [...layers, config!];
    assertInstalled(folder.path, "registry.ollama.ai/library/tiny:latest", { manifest, blobs });
  },
);
