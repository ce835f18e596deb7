import assert from "node:assert/strict";
import { makeModel } from "../fakes/model.ts";
import { testWith } from "../needs.ts";
import { contentOf } from "../cli/archive/place.ts";
import { killedAt } from "../crash/killed_at.ts";
import { install } from "../store/installed_models.ts";
import { temporaryFolder } from "./child.ts";
import { cacheOfDeno, pullama, pullamaCommand } from "./program.ts";
import { type RealServer, startDockerRegistry, startProxyNginx } from "./servers.ts";

const SIZE = 30_000_000;
const USER = "someone";
const PASSWORD = "swordfish-7391";
/** In the format of `htpasswd -B`. */
const HTPASSWD = `${USER}:$2y$05$abcdefghijklmnopqrstuuDS66zJ2rmx0UVP54dYie5Xa8QaCZgm.\n`;

interface Place extends AsyncDisposable {
  readonly home: string;
  readonly models: string;
  push(server: RealServer, ...flags: readonly string[]): ReturnType<typeof pullama>;
  /** The events of a push, as they are printed. */
  events(out: string): readonly Record<string, unknown>[];
  /** Pulls `tiny` and `twin` from `server`, and asserts that they are what was pushed. */
  assertThere(server: RealServer): Promise<void>;
}

async function place(): Promise<Place> {
  const folder = await temporaryFolder();
  const models = `${folder.path}/models`;
  install(models, "tiny/latest", makeModel({ size: SIZE, seed: 1 }));
  install(models, "twin/latest", makeModel({ size: SIZE, seed: 1 }));
  const home = folder.path;
  return {
    home,
    models,
    push: (server, ...flags) =>
      pullama(
        ["push", "--all", "--to", server.host, "--insecure", "--models-dir", models, ...flags],
        { home },
      ),
    events: (out) => out.trimEnd().split("\n").map((line) => JSON.parse(line)),
    async assertThere({ host }) {
      const other = `${home}/other`;
      const ended = await pullama(
        [...["tiny", "twin", "--mirror", `http://${host}`, "--offline"], "--models-dir", other],
        { home },
      );
      assert.equal(ended.code, 0, ended.err);
      assert.deepEqual(contentOf(other), contentOf(models));
    },
    [Symbol.asyncDispose]: folder[Symbol.asyncDispose],
  };
}

testWith(
  ["docker-registry"],
  "models are pushed to a docker-registry, with mounts, and are the same when pulled from it",
  async () => {
    await using at = await place();
    await using registry = await startDockerRegistry();
    const first = await at.push(registry, "--output", "json", "--chunk-size", "8MiB");
    assert.deepEqual([first.code, first.err], [0, ""]);
    const [tiny, twin] = at.events(first.out).filter(({ event }) => event === "push_completed");
    assert.ok(Number(tiny?.["SentBytes"]) >= SIZE && tiny?.["MountedBytes"] === 0);
    assert.ok(twin?.["SentBytes"] === 0 && Number(twin?.["MountedBytes"]) >= SIZE);
    await at.assertThere(registry);
    const again = await at.push(registry, "-q");
    assert.match(again.out, /0 B sent.*\n.*\n.*0 B sent/);
  },
);

testWith(
  ["docker-registry"],
  "docker-registry forgets a chunk that broke off, and the next push sends the blob again",
  async () => {
    await using at = await place();
    await using registry = await startDockerRegistry();
    await killPush(at, registry);
    const { code, err, out } = await at.push(registry, "--output", "json");
    assert.deepEqual([code, err], [0, ""]);
    const kept = keptIn(at.events(out));
    assert.equal(kept, 0);
    await at.assertThere(registry);
  },
);

testWith(
  ["docker-registry"],
  "a push to docker-registry that is stopped by a signal is continued by the next one",
  async () => {
    await using at = await place();
    await using registry = await startDockerRegistry();
    const text = await killPush(at, registry, "SIGINT");
    assert.match(text, /"event":"push_interrupted"/);
    const { code, err, out } = await at.push(registry, "--output", "json");
    assert.deepEqual([code, err], [0, ""]);
    const kept = keptIn(at.events(out));
    assert.ok(kept >= SIZE / 2 && kept < SIZE, `${kept} bytes were continued`);
    await at.assertThere(registry);
  },
);

testWith(
  ["docker-registry", "nginx"],
  "behind an nginx that buffers requests, docker-registry continues where the last whole chunk ended",
  async () => {
    await using at = await place();
    await using registry = await startDockerRegistry();
    await using front = await startProxyNginx(registry.host);
    await killPush(at, front);
    const { code, err, out } = await at.push(front, "--output", "json");
    assert.deepEqual([code, err], [0, ""]);
    const kept = keptIn(at.events(out));
    assert.equal(kept, 12 * 2 ** 20);
    await at.assertThere(registry);
  },
);

testWith(
  ["docker-registry", "nginx"],
  "an nginx that limits the size of requests is named, with what to do, and smaller chunks pass",
  async () => {
    await using at = await place();
    await using registry = await startDockerRegistry();
    await using front = await startProxyNginx(registry.host, "1m");
    const refused = await at.push(front);
    assert.equal(refused.code, 1);
    assert.match(refused.err, /takes no request of that size .*\(413\).*\nhint: .*--chunk-size/);
    const { code, err } = await at.push(front, "--chunk-size", "512KiB");
    assert.deepEqual([code, err], [0, ""]);
    await at.assertThere(registry);
  },
);

testWith(
  ["docker-registry"],
  "a docker-registry with a login takes a push with it only, and nothing shows the password",
  async () => {
    await using at = await place();
    await using registry = await startDockerRegistry({ htpasswd: HTPASSWD });
    const without = await at.push(registry);
    assert.equal(without.code, 3);
    assert.match(without.err, /requires authentication for a push .*\nhint: .*docker login/);
    const docker = `${at.home}/.docker`;
    await Deno.mkdir(docker);
    const auths = { [registry.host]: { auth: btoa(`${USER}:${PASSWORD}`) } };
    await Deno.writeTextFile(`${docker}/config.json`, JSON.stringify({ auths }));
    const { code, err, out } = await at.push(registry, "--verbose");
    assert.deepEqual([code, err], [0, ""]);
    for (const secret of [PASSWORD, btoa(`${USER}:${PASSWORD}`), "_state"]) {
      assert.ok(!out.includes(secret), secret);
    }
  },
);

testWith(
  ["docker-registry"],
  "models come through from one docker-registry to another without a models folder",
  async () => {
    await using at = await place();
    await using first = await startDockerRegistry();
    await using second = await startDockerRegistry();
    assert.equal((await at.push(first)).code, 0);
    const name = `http://${first.host}/library/tiny`;
    const target = ["--to", `${second.host}/copies`, "--insecure"];
    const { code, err } = await pullama(["push", name, "--from-registry", ...target], {
      home: at.home,
    });
    assert.deepEqual([code, err], [0, ""]);
    const there = `${second.host}/copies/${first.host.replace(":", "_")}/library/tiny`;
    const manifest = await fetch(`http://${there.replace("/", "/v2/")}/manifests/latest`, {
      headers: { accept: "application/vnd.docker.distribution.manifest.v2+json" },
    });
    const stored = `${at.models}/manifests/registry.ollama.ai/library/tiny/latest`;
    assert.deepEqual(new Uint8Array(await manifest.arrayBuffer()), Deno.readFileSync(stored));
    assert.throws(() => Deno.statSync(`${at.home}/.ollama`), Deno.errors.NotFound);
  },
);

/** Ends a push of `tiny` half way, in the middle of the fourth chunk. Returns what it has printed. */
async function killPush(
  { models, home }: Place,
  { host }: RealServer,
  signal: Deno.Signal = "SIGKILL",
): Promise<string> {
  const flags = ["--insecure", "--models-dir", models, "--chunk-size", "4MiB"];
  const more = ["--limit-rate", "15M", "--output", "json"];
  const command = [...pullamaCommand(), "push", "tiny", "--to", host, ...flags, ...more];
  return await killedAt(50, command, { HOME: home, ...cacheOfDeno() }, signal);
}

/** What of the weights the registry had before. */
function keptIn(events: readonly Record<string, unknown>[]): number {
  const start = events.find(({ event, Size }) => event === "upload_start" && Number(Size) >= SIZE);
  return Number(start?.["Kept"]);
}
