import assert from "node:assert/strict";
import { needing } from "../needs.ts";
import { temporaryFolder } from "./child.ts";
import { pullama } from "./program.ts";
import { type Pushed, pushModel } from "./push.ts";
import { type RealServer, startDockerRegistry } from "./servers.ts";
import { assertInstalled } from "./store.ts";

const SIZE = 3_000_000;
const USER = "someone";
const PASSWORD = "swordfish-7391";
/** In the format of `htpasswd -B`. */
const HTPASSWD = `${USER}:$2y$05$abcdefghijklmnopqrstuuDS66zJ2rmx0UVP54dYie5Xa8QaCZgm.\n`;

interface Guarded extends AsyncDisposable {
  readonly registry: RealServer;
  readonly pushed: Pushed;
  /** The full name with host, as a user would type it. */
  readonly name: string;
  /** The user's home directory. */
  readonly home: string;
  pull(env?: Readonly<Record<string, string>>): ReturnType<typeof pullama>;
}

/** A real registry with a model that only one user may access. */
async function guarded(): Promise<Guarded> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const store = `${folder.path}/store`;
  const repository = "someone/tiny";
  let pushed: Pushed;
  {
    await using open = await startDockerRegistry({ store });
    pushed = await pushModel({ host: open.host, repository, size: SIZE });
  }
  const registry = stack.use(await startDockerRegistry({ store, htpasswd: HTPASSWD }));
  const name = `${registry.host}/${repository}:latest`;
  const home = folder.path;
  const args = [name, "--insecure", "--verbose", "--output", "debug", "--models-dir"];
  const owned = stack.move();
  return {
    registry,
    pushed,
    name,
    home,
    pull: (env = {}) => pullama([...args, `${home}/models`], { home, env }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Asserts that the output does not contain a password, in any encoding. */
function assertSilent({ out, err }: { readonly out: string; readonly err: string }): void {
  for (const secret of [PASSWORD, btoa(`${USER}:${PASSWORD}`), "guess-5521", "Basic "]) {
    assert.ok(!out.includes(secret) && !err.includes(secret), secret);
  }
}

Deno.test(
  needing(
    ["docker-registry"],
    "case 79: docker-registry with htpasswd: a pull with the password in the environment",
  ),
  async () => {
    await using g = await guarded();
    const ended = await g.pull({
      PULLAMA_REGISTRY_HOST: g.registry.host,
      PULLAMA_REGISTRY_USER: USER,
      PULLAMA_REGISTRY_PASSWORD: PASSWORD,
    });
    assert.deepEqual([ended.code, ended.err], [0, ""]);
    assertInstalled(`${g.home}/models`, g.name, g.pushed);
    assertSilent(ended);
  },
);

Deno.test(
  needing(
    ["docker-registry"],
    "case 79: docker-registry with htpasswd: a pull with the credentials of Docker's config.json",
  ),
  async () => {
    await using g = await guarded();
    const auth = btoa(`${USER}:${PASSWORD}`);
    await Deno.mkdir(`${g.home}/.docker`);
    const config = JSON.stringify({ auths: { [g.registry.host]: { auth } } });
    await Deno.writeTextFile(`${g.home}/.docker/config.json`, config);
    const ended = await g.pull();
    assert.deepEqual([ended.code, ended.err], [0, ""]);
    assertInstalled(`${g.home}/models`, g.name, g.pushed);
    assertSilent(ended);
  },
);

Deno.test(
  needing(
    ["docker-registry"],
    "case 79: docker-registry with htpasswd: exit code 3 and a hint for a wrong or missing password",
  ),
  async () => {
    await using g = await guarded();
    const missing = await g.pull();
    assert.equal(missing.code, 3, missing.err);
    assert.match(missing.err, /user name and password required, but none are configured/);
    assert.ok(missing.err.includes(`docker login ${g.registry.host}`), missing.err);
    const wrong = await g.pull({
      PULLAMA_REGISTRY_HOST: g.registry.host,
      PULLAMA_REGISTRY_USER: USER,
      PULLAMA_REGISTRY_PASSWORD: "guess-5521",
    });
    assert.equal(wrong.code, 3, wrong.err);
    assert.match(wrong.err, /the user name and password from PULLAMA_REGISTRY_USER were rejected/);
    for (const ended of [missing, wrong]) assertSilent(ended);
  },
);
