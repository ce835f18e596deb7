import assert from "node:assert/strict";
import config from "../../deno.json" with { type: "json" };
import { makeModel } from "../fakes/model.ts";
import { type Registry, startRegistry } from "../fakes/registry.ts";
import { needing } from "../needs.ts";
import { type Ended, kill, temporaryFolder } from "./child.ts";
import { programForAll, pullama, pullamaCommand } from "./program.ts";
import { assertInstalled, filesIn } from "./store.ts";
import { commandsOf, DENIED, usesOf } from "./uses.ts";

const MiB = 1 << 20;
const NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];

/** A home directory, a temporary directory, and a models folder that does not exist yet. */
async function machine() {
  const folder = await temporaryFolder();
  const [home, temporary] = [`${folder.path}/home`, `${folder.path}/tmp`];
  await Deno.mkdir(home);
  await Deno.mkdir(temporary);
  await Deno.chmod(folder.path, 0o755);
  return {
    home,
    models: `${folder.path}/models`,
    options: { home, env: { TMPDIR: temporary } },
    /** All files outside the models folder. */
    litter: () => [...filesIn(home), ...filesIn(temporary)],
    [Symbol.asyncDispose]: folder[Symbol.asyncDispose],
  };
}

/** Asserts an error of one sentence that matches `says`, perhaps with a hint, and nothing else. */
function assertRefusal({ code, err }: Ended, exitCode: number, says: RegExp): void {
  assert.match(err, says);
  assert.match(err, /^[^\n]+\n(?:\([^\n]+\)\n)?(?:hint: [^\n]+\n)?$/);
  assert.equal(code, exitCode);
}

function tiny(registry: Registry, size = MiB) {
  const pushed = registry.add("library/tiny:latest", makeModel({ size }));
  return { ...pushed, blobs: [...pushed.layers, pushed.config!] };
}

Deno.test(
  needing(["a compiled program"], "the compiled program prints its version and help"),
  async () => {
    await using place = await machine();
    for (const word of ["version", "--version"]) {
      const { code, out, err } = await pullama([word], place.options);
      assert.deepEqual([code, err], [0, ""]);
      const [before, commit] = out.split("+");
      assert.equal(before!.trimEnd(), `pullama ${config.version}`);
      if (commit !== undefined) assert.match(commit, /^[0-9a-f]{12,}(?:\.dirty)?\n$/);
    }
    const { code, out } = await pullama(["help"], place.options);
    assert.equal(code, 0);
    assert.match(out, /^Usage: pullama <model>/);
    assert.deepEqual(place.litter(), []);
  },
);

const WRONG: readonly (readonly [argv: readonly string[], says: RegExp])[] = [
  [["--frobnicate", "m"], /unknown option '--frobnicate'/],
  [["--insecur", "m"], /unknown option '--insecur'\n\(Did you mean --insecure\?\)/],
  [["m", "--connections", "65"], /'--connections <n>' argument '65' is invalid.*from 1 to 64/],
  [["m", "--chunk-size=8 bananas"], /'--chunk-size <size>' argument '8 bananas' is invalid.*8MiB/],
  [["m", "--output", "xml"], /argument 'xml' is invalid.*table, compact, json, debug/],
  [["pull"], /missing required argument 'model'/],
  [["help", "pul"], /unknown command 'pul'\n\(Did you mean pull\?\)/],
  [["../../etc/passwd"], /invalid model name/],
];

Deno.test(
  needing(
    ["a compiled program"],
    "the compiled program rejects invalid arguments in one sentence, exits with 1 and leaves no files",
  ),
  async () => {
    await using place = await machine();
    for (const [argv, says] of WRONG) {
      const ended = await pullama(argv, place.options);
      assertRefusal(ended, 1, says);
      assert.equal(ended.out, "");
    }
    assert.deepEqual(place.litter(), []);
  },
);

Deno.test(
  needing(
    ["a compiled program"],
    "the compiled program says why a pull failed, exits as documented and leaves no files",
  ),
  async () => {
    await using place = await machine();
    await using registry = await startRegistry();
    const cases: readonly (readonly [string, number, RegExp])[] = [
      [`${registry.host}/library/nosuch`, 4, /model not found on 127\.[\d.:]+/],
      ["nosuch.invalid/library/tiny", 1, /cannot reach nosuch\.invalid: the host name cannot/],
      ["127.0.0.1:1/library/tiny", 1, /cannot reach 127\.0\.0\.1:1: connection refused/],
    ];
    for (const [name, exitCode, says] of cases) {
      const argv = [name, "--insecure", "--max-retries", "0", "--models-dir", place.models];
      assertRefusal(await pullama(argv, place.options), exitCode, says);
    }
    assert.throws(() => Deno.statSync(place.models), Deno.errors.NotFound);
    assert.deepEqual(place.litter(), []);
  },
);

Deno.test(
  needing(
    ["a compiled program", "root"],
    "the compiled program reports a host without a route, and leaves no files",
  ),
  async () => {
    await using place = await machine();
    // An empty network namespace, and an address that is reserved for documentation.
    const argv = ["192.0.2.1:5000/library/tiny", "--insecure", "--max-retries", "0"];
    const ended = await pullama([...argv, "--models-dir", place.models], {
      ...place.options,
      prefix: ["unshare", "--net"],
    });
    assertRefusal(ended, 1, /cannot reach 192\.0\.2\.1:5000: no route/);
    assert.throws(() => Deno.statSync(place.models), Deno.errors.NotFound);
    assert.deepEqual(place.litter(), []);
  },
);

Deno.test(
  needing(
    ["a compiled program", "root"],
    "the compiled program reports a directory that is not writable, and exits with 1",
  ),
  async () => {
    await using place = await machine();
    await using registry = await startRegistry();
    const { name } = tiny(registry);
    const argv = [name, "--insecure", "--models-dir", place.models];
    const command = await programForAll(`${place.home}/..`);
    const ended = await pullama(argv, { ...place.options, prefix: NOBODY, command });
    assertRefusal(ended, 1, new RegExp(`${place.models}.*permission denied`, "i"));
    assert.throws(() => Deno.statSync(place.models), Deno.errors.NotFound);

    const device = [name, "--insecure", "--models-dir", "/dev/shm/pullama-smoke-test"];
    assertRefusal(await pullama(device, place.options), 1, /\/dev\/shm\/pullama-smoke-test/);
    assert.deepEqual(place.litter(), []);
  },
);

Deno.test(
  needing(
    ["a compiled program"],
    "the compiled program resumes after a kill, and leaves no files outside the models folder",
  ),
  async () => {
    await using place = await machine();
    await using registry = await startRegistry();
    const model = tiny(registry, 16 * MiB);
    const weights = model.layers[0]!;
    const half = Promise.withResolvers<void>();
    registry.faults.data = ({ path }, n) => {
      if (!path.endsWith(weights.digest) || n < 9) return undefined;
      half.resolve();
      return { delayMs: Infinity };
    };
    const [command = "", ...before] = pullamaCommand();
    const pull = [model.name, "--insecure", "--models-dir", place.models];
    const small = ["--chunk-size", "1MiB", "--connections", "1"];
    const env = { HOME: place.home, ...place.options.env };
    const quiet = { stdin: "null", stdout: "null", stderr: "null" } as const;
    const process = new Deno.Command(command, {
      args: [...before, ...pull, ...small],
      env,
      ...quiet,
    })
      .spawn();
    await Promise.race([half.promise, process.status]);
    kill(process, "SIGKILL");
    assert.equal((await process.status).signal, "SIGKILL");
    assert.throws(() => Deno.statSync(`${place.models}/manifests`), Deno.errors.NotFound);

    delete registry.faults.data;
    const { code, err } = await pullama(pull, place.options);
    assert.deepEqual([code, err], [0, ""]);
    assertInstalled(place.models, model.name, model);
    const more = registry.served(weights.digest) - weights.size;
    assert.ok(more >= 0 && more < MiB, `${more} bytes were fetched twice`);
    assert.deepEqual(place.litter(), []);
  },
);

Deno.test(
  needing(
    ["a compiled program"],
    "every command of the compiled program has the permissions it needs, and leaves no files",
  ),
  async () => {
    await using place = await machine();
    await using registry = await startRegistry();
    const { name } = tiny(registry);
    const uses = usesOf(name, place.models);
    const commands = await commandsOf((...words) => pullama(["help", ...words], place.options));
    assert.deepEqual([...uses.keys()].sort(), [...commands].sort());
    for (const [argv, exitCode] of [...uses.values()].flat()) {
      const { code, out, err } = await pullama(argv, place.options);
      const said = `${argv.join(" ")}: ${code} ${out}${err}`;
      assert.doesNotMatch(out + err, DENIED, said);
      if (exitCode !== undefined) assert.equal(code, exitCode, said);
    }
    assert.deepEqual(place.litter(), []);
  },
);
