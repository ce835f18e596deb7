import assert from "node:assert/strict";
import { needing, testWith } from "../needs.ts";
import { runToEnd, temporaryFolder } from "./child.ts";
import { pullama } from "./program.ts";
import { pushModel } from "./push.ts";
import { startDockerRegistry } from "./servers.ts";
import { assertInstalled, filesIn } from "./store.ts";

const SIZE = 5_000_000;

Deno.test(
  needing(
    ["docker-registry", "a compiled program"],
    "the compiled program pulls from a real docker-registry exactly what was pushed to it",
  ),
  async () => {
    await using folder = await temporaryFolder();
    await using registry = await startDockerRegistry();
    const { host } = registry;
    const pushed = await pushModel({ host, repository: "library/tiny", size: SIZE });
    const models = `${folder.path}/models`;
    const pull = [pushed.name, "--insecure", "--models-dir", models];
    const first = await pullama(pull, { home: folder.path });
    assert.deepEqual([first.code, first.err], [0, ""]);
    assertInstalled(models, pushed.name, pushed);
    assert.ok(first.out.includes(pushed.digest.slice("sha256:".length, 19)), first.out);

    const again = await pullama([...pull, "--output", "json"], { home: folder.path });
    const last = JSON.parse(again.out.trimEnd().split("\n").at(-1)!);
    assert.deepEqual([again.code, last.event, last.FetchedBytes], [0, "pull_completed", 0]);
  },
);

Deno.test(
  needing(
    ["docker-registry"],
    "case 118: a manifest with unusual white space and unknown keys is stored byte for byte",
  ),
  async () => {
    await using folder = await temporaryFolder();
    await using registry = await startDockerRegistry();
    const pushed = await pushModel({
      host: registry.host,
      repository: "someone/odd",
      size: SIZE,
      write: ({ schemaVersion, mediaType, ...rest }) => {
        const text = JSON.stringify({ "x-unknown": [1, "\u00fc", null], ...rest }, null, "\t");
        return `{ "mediaType" :"${mediaType}",\r\n"schemaVersion": ${schemaVersion},${
          text.slice(1)
        }\n`;
      },
    });
    const models = `${folder.path}/models`;
    const ended = await pullama([pushed.name, "--insecure", "--models-dir", models], {
      home: folder.path,
    });
    assert.deepEqual([ended.code, ended.err], [0, ""]);
    assertInstalled(models, pushed.name, pushed);

    const served = `${folder.path}/served`;
    const url = `http://${registry.host}/v2/someone/odd/manifests/latest`;
    const accept = "Accept: application/vnd.docker.distribution.manifest.v2+json";
    const fetched = await runToEnd(["curl", "-sS", "-H", accept, "-o", served, url]);
    assert.deepEqual([fetched.code, fetched.err], [0, ""]);
    const stored = `${models}/manifests/${registry.host}/someone/odd/latest`;
    assert.deepEqual(await runToEnd(["cmp", served, stored]), { code: 0, out: "", err: "" });
    assert.deepEqual(filesIn(`${models}/manifests`), [`${registry.host}/someone/odd/latest`]);
  },
);

testWith(
  ["docker-registry"],
  "a container image in docker-registry is refused before its first blob, except with --force",
  async () => {
    await using folder = await temporaryFolder();
    await using registry = await startDockerRegistry();
    const pushed = await pushModel({
      host: registry.host,
      repository: "library/debian",
      size: 200_000,
      write: (manifest) =>
        JSON.stringify(manifest).replaceAll(
          /application\/vnd\.ollama\.image\.\w+/g,
          "application/vnd.docker.image.rootfs.diff.tar.gzip",
        ),
    });
    const models = `${folder.path}/models`;
    const pull = [pushed.name, "--insecure", "--models-dir", models];
    const refused = await pullama(pull, { home: folder.path });
    assert.equal(refused.code, 1);
    assert.match(refused.err, /: it is a container image, not a model\nhint: .*--force/);
    assert.throws(() => Deno.statSync(models), Deno.errors.NotFound);
    const forced = await pullama([...pull, "--force"], { home: folder.path });
    assert.deepEqual([forced.code, forced.err], [0, ""]);
    assertInstalled(models, pushed.name, pushed);
  },
);
