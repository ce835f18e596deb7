/** pullama doctor in the compiled program, with the permissions compiled into it. */

import assert from "node:assert/strict";
import { authority, good, key } from "../fakes/authority.ts";
import { snapshotOf } from "../fakes/models_folder.ts";
import { startRegistry } from "../fakes/registry.ts";
import { KEY } from "../registry/auth/keys.ts";
import { testWith } from "../needs.ts";
import { kill, runToEnd, spawnAlone, temporaryFolder } from "./child.ts";
import {
  cacheOfDeno,
  programForAll,
  pullama,
  pullamaCommand,
  type PullamaOptions,
} from "./program.ts";
import { pushModel } from "./push.ts";
import { startDockerRegistry, startTinyproxy } from "./servers.ts";

const SIZE = 5_000_000;
const PASSWORD = "swordfish-7391";
const NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];

interface Found {
  readonly name: string;
  readonly ok: boolean;
  readonly skipped: boolean;
  readonly found: string;
  readonly hint?: string;
  readonly kind?: string;
}

/** A real registry with and without TLS, and a home directory. */
async function world() {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryFolder());
  await Deno.chmod(path, 0o755);
  const home = `${path}/home`;
  await Deno.mkdir(home);
  const store = `${path}/store`;
  const plain = stack.use(await startDockerRegistry({ store }));
  await pushModel({ host: plain.host, repository: "library/tiny", size: SIZE });
  const secure = stack.use(await startDockerRegistry({ store, tls: { cert: good, key } }));
  await Deno.writeTextFile(`${home}/ca.pem`, authority);
  const owned = stack.move();
  return {
    plain: plain.host,
    secure: secure.host,
    home,
    /** Runs doctor; asserts that it changes nothing on disk. */
    async doctor(
      args: readonly string[],
      env: Readonly<Record<string, string>> = {},
      as: Pick<PullamaOptions, "prefix" | "command"> = {},
    ) {
      const before = snapshotOf(home);
      const argv = ["doctor", ...args, "--output", "json"];
      const ended = await pullama(argv, { home, env, ...as });
      assert.deepEqual(snapshotOf(home), before);
      assert.equal(ended.err, "");
      assert.doesNotMatch(ended.out, /NotCapable|--allow-|swordfish/);
      const { ok, checks, hosts } = JSON.parse(ended.out);
      const failed = (checks as Found[]).filter(({ ok, skipped }) => !ok && !skipped);
      assert.equal(ok, failed.length === 0, ended.out);
      return {
        code: ended.code,
        failed,
        hosts,
        of: (name: string) => (checks as Found[]).find((check) => check.name === name)!,
      };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

testWith(
  ["docker-registry", "ssh-keygen"],
  "doctor passes with docker-registry, and shows the same fingerprint as ssh-keygen",
  async () => {
    await using at = await world();
    await Deno.mkdir(`${at.home}/.ollama`);
    const file = `${at.home}/.ollama/id_ed25519`;
    await Deno.writeTextFile(file, KEY, { mode: 0o600 });
    const model = `${at.secure}/library/tiny`;
    const { code, failed, of, hosts } = await at.doctor([model, "--ca-cert", `${at.home}/ca.pem`]);
    assert.deepEqual([code, failed], [0, []]);
    const shown = await runToEnd(["ssh-keygen", "-lf", file]);
    const [, fingerprint = "none"] = shown.out.split(" ");
    assert.ok(of("key").found.includes(`Ed25519, ${fingerprint}, `), of("key").found);
    assert.match(of("folder").found, /\(default\), would be created, owned by root \(0\), .* free/);
    assert.match(
      of("tls").found,
      /Example Root CA \(Example Corp\), valid until 2120-01-01, trusted$/,
    );
    assert.equal(of("clock").found, "correct");
    assert.match(of("manifest").found, /5\.0 MB, 5 blobs, no authentication needed$/);
    assert.match(of("range").found, /^206 with bytes /);
    assert.match(of("speed").found, /^[\d.]+ [kMG]B\/s, 4 MB in /);
    const [host, port] = at.secure.split(":");
    assert.deepEqual(hosts, [{ host, port: Number(port), what: "registry" }]);
  },
);

testWith(
  ["docker-registry"],
  "doctor reports failed checks with exit code and hint",
  async () => {
    await using at = await world();
    const cases: readonly (readonly [string[], number, string, RegExp, RegExp])[] = [
      [[`${at.secure}/library/tiny`], 1, "tls", /authority, Example Root CA/, /--ca-cert/],
      [[`${at.plain}/library/tiny`], 1, "tls", /^cannot reach /, /--insecure/],
      [[`${at.plain}/library/no`, "--insecure"], 4, "manifest", /model not found/, /spelling/],
      [["nobody.invalid/a/b"], 1, "dns", /nobody\.invalid cannot be resolved$/, /DNS/],
    ];
    for (const [args, exitCode, name, says, hint] of cases) {
      const { code, failed } = await at.doctor(args);
      assert.deepEqual([code, failed.map((check) => check.name)], [exitCode, [name]]);
      assert.match(failed[0]!.found, says);
      assert.match(failed[0]!.hint!, hint);
    }
  },
);

testWith(
  ["docker-registry", "root", "a compiled program"],
  "doctor as another user reports a models folder that is not writable, and its owner",
  async () => {
    await using at = await world();
    await Deno.mkdir(`${at.home}/models`, { mode: 0o755 });
    const command = await programForAll(at.home);
    const args = [`${at.plain}/library/tiny`, "--insecure", "--models-dir", `${at.home}/models`];
    const { code, failed, of } = await at.doctor(args, {}, { prefix: NOBODY, command });
    assert.deepEqual([code, failed.map(({ name }) => name)], [1, ["folder"]]);
    const says = `cannot write to ${at.home}/models: permission denied`;
    assert.deepEqual([of("folder").found, of("folder").kind], [says, "local"]);
    assert.match(of("folder").hint!, /^owned by user 0, group 0: run as its owner/);
    assert.equal(of("speed").ok, true);
  },
);

testWith(
  ["docker-registry", "tinyproxy"],
  "doctor through tinyproxy connects only to the proxy, and reports a wrong password",
  async () => {
    await using at = await world();
    await using proxy = await startTinyproxy({ username: "someone", password: PASSWORD });
    const model = `0.0.0.0:${at.secure.split(":")[1]}/library/tiny`;
    const args = [model, "--ca-cert", `${at.home}/ca.pem`];
    const well = await at.doctor(args, {
      HTTPS_PROXY: `http://someone:${PASSWORD}@${proxy.host}`,
    });
    assert.deepEqual([well.code, well.failed], [0, []]);
    assert.match(
      well.of("proxy").found,
      /^http:\/\/127\.[\d.:]+ from HTTPS_PROXY, with credentials/,
    );
    assert.equal(well.of("tcp").found, `connected to ${proxy.host}`);
    const wrong = await at.doctor(args, { HTTPS_PROXY: `http://someone:no@${proxy.host}` });
    assert.deepEqual([wrong.code, wrong.failed.map(({ name }) => name)], [3, ["tls"]]);
    assert.match(
      wrong.failed[0]!.found,
      /the proxy rejected the user name and password$/,
    );
  },
);

testWith(["signals of Unix"], "doctor ends at once on SIGINT", async () => {
  await using folder = await temporaryFolder();
  await using registry = await startRegistry();
  const asked = Promise.withResolvers<void>();
  registry.faults.manifest = () => {
    asked.resolve();
    return { delayMs: Infinity };
  };
  const model = `${registry.host}/library/tiny`;
  const process = spawnAlone(
    [...pullamaCommand(), "doctor", model, "--insecure", "--output", "json"],
    { env: { HOME: folder.path, ...cacheOfDeno() }, cwd: "/" },
  );
  const said = [process.stdout, process.stderr].map((stream) => new Response(stream).text());
  await asked.promise;
  kill(process, "SIGINT");
  // Much earlier than the timeout of the check.
  const timer = setTimeout(() => kill(process, "SIGKILL"), 5000);
  const { code } = await process.status;
  clearTimeout(timer);
  const [out, err] = await Promise.all(said);
  assert.deepEqual([code, err], [1, "interrupted\n"]);
  assert.equal(JSON.parse(out!).error.kind, "interrupted");
});
