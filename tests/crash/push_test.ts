import assert from "node:assert/strict";
import { makeModel } from "../fakes/model.ts";
import { startUploadRegistry } from "../fakes/upload_registry.ts";
import { runToEnd, temporaryFolder } from "../real/child.ts";
import { cacheOfDeno, pullamaCommand } from "../real/program.ts";
import { filesIn } from "../real/store.ts";
import { install } from "../store/installed_models.ts";
import { killedAt } from "./killed_at.ts";

const MIB = 1 << 20;
const SIZE = 24 * MIB;
const CHUNK = MIB;
const KILLS = [20, 50, 80];

Deno.test("a push that is killed is continued where the registry is: at most one chunk is sent twice each time", async () => {
  await using folder = await temporaryFolder();
  await using registry = await startUploadRegistry();
  const models = `${folder.path}/models`;
  const tiny = install(models, "tiny/latest", makeModel({ size: SIZE, seed: 1 }));
  const env = { HOME: folder.path, ...cacheOfDeno() };
  const pushing = [
    ...pullamaCommand(),
    ...["push", "tiny", "--to", registry.host, "--insecure", "--models-dir", models],
    ...["--chunk-size", String(CHUNK), "--output", "json"],
  ];
  for (const [k, percent] of KILLS.entries()) {
    await killedAt(percent, [...pushing, "--limit-rate", "20M"], env);
    const sent = registry.received;
    assert.ok(sent >= percent / 100 * SIZE - (k + 1) * CHUNK, `${sent} at ${percent} %`);
    assert.equal(registry.manifests.size, 0);
  }
  const ended = await runToEnd(pushing, { env });
  assert.equal(ended.code, 0, ended.err);
  const twice = registry.received - totalOf(tiny.blobs);
  assert.ok(twice <= KILLS.length * CHUNK, `${twice} bytes were sent twice`);
  const blobs = registry.blobs.get("library/tiny")!;
  for (const path of tiny.blobs) {
    assert.deepEqual(blobs.get(`sha256:${path.slice(-64)}`), Deno.readFileSync(path));
  }
  assert.deepEqual(
    registry.manifests.get("library/tiny")!.get("latest")!.bytes,
    Deno.readFileSync(tiny.path),
  );
  assert.deepEqual(filesIn(`${models}/.pullm/uploads`), []);
});

function totalOf(paths: readonly string[]): number {
  return paths.reduce((sum, path) => sum + Deno.statSync(path).size, 0);
}
