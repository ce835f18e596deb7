import assert from "node:assert/strict";
import { makeModel } from "../fakes/model.ts";
import { startRegistry } from "../fakes/registry.ts";
import { runToEnd, temporaryFolder } from "../real/child.ts";
import { cacheOfDeno, pullamaCommand } from "../real/program.ts";
import { assertInstalled, filesUnder } from "../real/store.ts";
import { succeeds } from "../power/place.ts";
import { killedAt } from "./killed_at.ts";

const MIB = 1 << 20;
const SIZE = 24 * MIB;

Deno.test("a copy that is killed is continued where it was, and mv removes nothing before it is complete", async () => {
  await using registry = await startRegistry();
  await using folder = await temporaryFolder();
  const model = registry.add("library/tiny:latest", makeModel({ size: SIZE }));
  const [from, to] = [`${folder.path}/models`, `${folder.path}/other`];
  await succeeds(from, "pull", model.name, "--insecure");
  const before = filesUnder(from);
  await Deno.mkdir(`${to}/blobs`, { recursive: true });
  // Files of another mode cannot be links.
  if (Deno.build.os !== "windows") await Deno.chmod(`${to}/blobs`, 0o770);
  const command = (...flags: readonly string[]) => [
    ...pullamaCommand(),
    ...["mv", "--all", to, "--models-dir", from, "--output", "json", ...flags],
  ];
  const env = { HOME: folder.path, ...cacheOfDeno() };
  let least = 0;
  for (const percent of [30, 60, 90]) {
    const text = await killedAt(percent, command("--limit-rate", "20M"), env);
    assert.deepEqual(
      filesUnder(from),
      before,
      "something was removed before the copy was complete",
    );
    const kept = Number(/"KeptBytes":(\d+)/.exec(text)![1]);
    // Less than 1 MiB may be lost by a kill.
    assert.ok(kept >= least, `${kept} of ${least} bytes were kept`);
    least = percent / 100 * SIZE - MIB;
  }
  const ended = await runToEnd(command(), { env });
  assert.equal(ended.code, 0, ended.err);
  assert.match(ended.out, /"event":"removed"/);
  const { name, manifest, layers, config } = model;
  assertInstalled(to, name, { manifest, blobs: [...layers, config!] });
  assert.deepEqual(filesUnder(`${from}/blobs`), []);
});
