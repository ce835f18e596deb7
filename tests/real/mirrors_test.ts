import assert from "node:assert/strict";
import { needing } from "../needs.ts";
import { makeModel } from "../fakes/model.ts";
import { startRegistry } from "../fakes/registry.ts";
import { temporaryFolder } from "./child.ts";
import { pullama } from "./program.ts";
import { pushModel } from "./push.ts";
import { startDockerRegistry } from "./servers.ts";
import { assertInstalled } from "./store.ts";

const SIZE = 5_000_000;

Deno.test(
  needing(["docker-registry"], "a real docker-registry is a mirror, with and without its registry"),
  async () => {
    await using folder = await temporaryFolder();
    await using mirror = await startDockerRegistry();
    await using registry = await startRegistry();
    const url = `http://${mirror.host}`;
    const repository = `prefix/${registry.host.replace(":", "_")}/library/tiny`;
    const pushed = await pushModel({ host: mirror.host, repository, size: SIZE });
    const model = registry.add("library/tiny:latest", makeModel({ size: SIZE }));
    const run = (models: string, ...flags: string[]) =>
      pullama(
        [model.name, "--insecure", "--models-dir", `${folder.path}/${models}`, ...flags],
        { home: folder.path, env: { PULLAMA_MIRRORS: `${url}/prefix/` } },
      );

    const beside = await run("a", "--output", "json");
    assert.deepEqual([beside.code, beside.err], [0, ""]);
    assertInstalled(`${folder.path}/a`, model.name, { ...pushed, manifest: model.manifest });
    const { FetchedFrom, FetchedBytes } = JSON.parse(beside.out.trimEnd().split("\n").at(-1)!);
    assert.deepEqual(FetchedFrom, { [`${url}/prefix`]: FetchedBytes });
    assert.deepEqual(registry.requests.filter(({ path }) => path.includes("/blobs/")), []);

    const asked = registry.requests.length;
    const alone = await run("b", "--offline");
    assert.equal(alone.code, 0, alone.err);
    assertInstalled(`${folder.path}/b`, model.name, pushed);
    assert.equal(registry.requests.length, asked);
    assert.match(alone.err, /is the word of http:.*, received over plain http/);
    assert.match(alone.out, /from http:\S+\/prefix 5\.\d MB/);
  },
);

Deno.test(
  needing(["docker-registry"], "doctor checks mirrors, and a dry run names them"),
  async () => {
    await using folder = await temporaryFolder();
    await using mirror = await startDockerRegistry();
    await using registry = await startRegistry();
    const model = registry.add("library/tiny:latest", makeModel({ size: SIZE }));
    const url = `http://${mirror.host}`;
    const flags = ["--insecure", "--models-dir", `${folder.path}/models`, "--mirror", url];
    const home = folder.path;
    const lacking = await pullama(["doctor", model.name, ...flags], { home });
    assert.equal(lacking.code, 0, lacking.err + lacking.out);
    assert.match(lacking.out, /^ok +mirror +http:\S+, does not have this model/m);

    const repository = `${registry.host.replace(":", "_")}/library/tiny`;
    await pushModel({ host: mirror.host, repository, size: SIZE });
    const gone = await startRegistry();
    await gone.close();
    const more = ["--mirror", gone.url, "--mirror", registry.url];
    const { code, out, err } = await pullama(["doctor", model.name, ...flags, ...more], { home });
    assert.equal(code, 0, err + out);
    assert.match(out, /^ok +mirror +http:\S+, has the model, [0-9a-f]{12}/m);
    assert.match(out, new RegExp(`^warn +mirror +${gone.url}, .*refused`, "m"));
    assert.match(out, /^warn +mirror +http:\S+, is no registry: it responds to \/v2\/ with 404/m);

    const offline = await pullama(["doctor", model.name, ...flags, "--offline"], { home });
    assert.equal(offline.code, 0, offline.err + offline.out);
    assert.ok(!offline.out.includes(registry.host + " (registry)"), offline.out);

    const dry = await pullama([model.name, ...flags, "--dry-run"], { home });
    assert.equal(dry.code, 0, dry.err);
    assert.ok(dry.out.includes(`blobs from ${url}, then ${registry.host}`), dry.out);
  },
);
