import assert from "node:assert/strict";
import { makeModel } from "../fakes/model.ts";
import { exists } from "../fakes/exists.ts";
import { runToEnd, temporaryFolder } from "../real/child.ts";
import { cacheOfDeno, pullamaCommand } from "../real/program.ts";
import { filesUnder } from "../real/store.ts";
import { install } from "../store/installed_models.ts";
import { contentOf } from "../cli/archive/place.ts";
import { killedAt } from "./killed_at.ts";

const MIB = 1 << 20;
const SIZE = 24 * MIB;

Deno.test("an export and an import that are killed are continued where they were, and the models are the same", async () => {
  await using folder = await temporaryFolder();
  const [from, to, file] = ["models", "other", "x.tar"].map((name) => `${folder.path}/${name}`);
  install(from!, "tiny/latest", makeModel({ size: SIZE, seed: 1 }));
  const env = { HOME: folder.path, ...cacheOfDeno() };
  const command = (...args: readonly string[]) => [
    ...pullamaCommand(),
    ...args,
    ...["--output", "json"],
  ];
  const exporting = ["export", "tiny", "-o", file!, "--models-dir", from!];
  let least = 0;
  for (const percent of [20, 50, 80]) {
    await killedAt(percent, command(...exporting, "--limit-rate", "20M"), env);
    const { size } = Deno.statSync(`${file}.partial`);
    assert.ok(size >= least, `${size} of ${least} bytes were kept`);
    least = percent / 100 * SIZE - MIB;
    assert.ok(!exists(file!));
  }
  const exported = await runToEnd(command(...exporting), { env });
  assert.equal(exported.code, 0, exported.err);
  const { KeptBytes } = JSON.parse(exported.out.trimEnd().split("\n").at(-1)!);
  assert.ok(KeptBytes >= least, `${KeptBytes} bytes were continued`);
  assert.deepEqual(filesUnder(folder.path).filter((name) => name.startsWith("x.tar")), ["x.tar"]);

  const importing = ["import", file!, "--models-dir", to!];
  least = 0;
  for (const percent of [20, 50, 80]) {
    const text = await killedAt(percent, command(...importing, "--limit-rate", "20M"), env);
    const kept = Number(/"KeptBytes":(\d+)/.exec(text)?.[1]);
    assert.ok(kept >= least, `${kept} of ${least} bytes were kept`);
    least = percent / 100 * SIZE - MIB;
    assert.deepEqual(contentOf(to!).filter((row) => row.startsWith("manifests/")), []);
  }
  const imported = await runToEnd(command(...importing), { env });
  assert.equal(imported.code, 0, imported.err);
  assert.deepEqual(contentOf(to!), contentOf(from!));
});
