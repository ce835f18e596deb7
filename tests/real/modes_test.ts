/** Owner and mode of everything in the models folder, whatever the umask: a server of another user must be able to read it. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { flip } from "../fakes/flip.ts";
import { makeModel } from "../fakes/model.ts";
import { startRegistry } from "../fakes/registry.ts";
import { type Need, testWith } from "../needs.ts";
import { kill, runToEnd, spawnAlone, temporaryFolder } from "./child.ts";
import { cacheOfDeno, programForAll, pullama, pullamaCommand } from "./program.ts";

/** Of a blob that has parts. */
const SIZE = 65 << 20;
const [USER, GROUP, STRANGER] = [54001, 54100, 54002];

/** A models folder, who pulls there, and what becomes of it. */
interface Policy {
  readonly needs: readonly Need[];
  /** Makes the folder; absent: the program does. */
  readonly make?: (models: string) => Promise<void>;
  /** Modes of the files and the folders in it. */
  readonly file: string;
  readonly folder: string;
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** The user who pulls, and another one who must be able to read the model. */
  readonly as?: readonly string[];
  readonly reader?: readonly string[];
}

const as = (uid: number, gid: number, ...groups: readonly string[]) => [
  ...["setpriv", `--reuid=${uid}`, `--regid=${gid}`],
  ...(groups.length > 0 ? [`--groups=${groups.join()}`] : ["--clear-groups"]),
];

const POLICIES: Readonly<Record<string, Policy>> = {
  "a folder that the program makes, read by another user": {
    needs: ["a compiled program", "root"],
    file: "644",
    folder: "755",
    owner: { uid: 0, gid: 0 },
    reader: as(STRANGER, STRANGER),
  },
  "a folder that is closed to others": {
    needs: ["a compiled program"],
    make: (models) => Deno.mkdir(models, { mode: 0o700 }),
    file: "600",
    folder: "700",
  },
  "a folder that a group shares": {
    needs: ["a compiled program", "root"],
    make: async (models) => {
      await Deno.mkdir(models);
      await Deno.chown(models, STRANGER, GROUP);
      await Deno.chmod(models, 0o2775);
    },
    file: "664",
    folder: "2775",
    owner: { uid: USER, gid: GROUP },
    as: as(USER, USER, String(GROUP)),
    reader: as(STRANGER, STRANGER, String(GROUP)),
  },
};

/** Everything in a folder. */
function below(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = join(folder, name);
    return isDirectory ? [path, ...below(path)] : [path];
  });
}

/** Asserts that everything in the folder is as `policy` says, and that there are `names`. */
function assertModes(models: string, { file, folder, owner }: Policy, names: readonly RegExp[]) {
  const paths = below(models);
  for (const name of names) assert.ok(paths.some((path) => name.test(path)), `no ${name}`);
  for (const path of paths) {
    const { mode, uid, gid, isDirectory } = Deno.lstatSync(path);
    const octal = (mode! & 0o7777).toString(8);
    assert.equal(octal, isDirectory ? folder : file, path);
    if (owner) assert.deepEqual({ path, uid, gid }, { path, ...owner });
  }
}

for (const umask of ["077", "022", "002"]) {
  for (const [name, policy] of Object.entries(POLICIES)) {
    testWith(policy.needs, `umask ${umask} plays no part in ${name}`, async () => {
      await using place = await temporaryFolder();
      await using registry = await startRegistry();
      const model = registry.add("library/tiny:latest", makeModel({ size: SIZE }));
      const later = registry.add("library/later:latest", makeModel({ size: 1 << 20, seed: 2 }));
      await Deno.chmod(place.path, 0o755);
      const home = join(place.path, "home");
      await Deno.mkdir(home);
      const models = join(place.path, "models");
      await policy.make?.(models);
      const command = policy.as ? await programForAll(place.path) : pullamaCommand();
      const prefix = [...policy.as ?? [], "sh", "-c", `umask ${umask}; exec "$@"`, "sh"];
      const here = ["--models-dir", models];
      const there = [...here, "--insecure", "--connections", "1", "--chunk-size", "1MiB"];
      const run = async (...args: readonly string[]) => {
        const { code, out, err } = await pullama(args, { home, prefix, command });
        assert.equal(code, 0, out + err);
      };
      /** Runs the program, and kills it when it has asked for data of the blob `times` times. */
      const killed = async (digest: string, times: number, ...args: readonly string[]) => {
        const stopped = Promise.withResolvers<void>();
        let count = 0;
        registry.faults.data = ({ path }) => {
          if (!path.endsWith(digest) || ++count < times) return undefined;
          stopped.resolve();
          return { delayMs: Infinity };
        };
        const env = { HOME: home, ...cacheOfDeno() };
        const child = spawnAlone([...prefix, ...command, ...args], { env });
        await Promise.race([stopped.promise, child.status]);
        kill(child, "SIGKILL");
        await Promise.all([child.status, child.stdout.cancel(), child.stderr.cancel()]);
        delete registry.faults.data;
      };

      const [large, small] = [model.layers[0]!.digest, later.layers[0]!.digest];
      await killed(large, 8, "pull", model.name, ...there);
      const own = [/\.partial$/, /\.json$/, /\.live$/, /\.lock$/, /store\.lock$/, /\/wanted\//];
      assertModes(models, policy, own);
      await run("pull", model.name, ...there);
      assertModes(models, policy, [/\/blobs\/sha256-/, /latest$/, /ledger\.json$/, /\/parts\//]);
      await run("verify", "--full", ...here);
      await run("queue", "add", later.name, ...here);
      await killed(small, 1, "queue", "start", ...here, "--insecure");
      assertModes(models, policy, [/queue\.json$/, /queue\.lock$/, /runner\.lock$/]);
      await run("queue", "start", ...here, "--insecure");

      for (const digest of [large, small]) {
        const blob = join(models, "blobs", digest.replace(":", "-"));
        flip(blob, 1000);
        await killed(digest, 1, "verify", "--full", "--repair", ...here, "--insecure");
        assertModes(models, policy, [digest === small ? /\/bad\/sha256-/ : /\.partial$/]);
      }
      await run("verify", "--full", "--repair", ...here, "--insecure");
      assertModes(models, policy, [/\/parts\//]);
      if (!policy.reader) return;
      const read = [...policy.reader, "find", models, "-type", "f", "-not", "-path", "*/.pullm/*"];
      const { code, out, err } = await runToEnd([...read, "-exec", "sha256sum", "{}", "+"]);
      assert.equal(code, 0, err);
      assert.ok(out.includes(large.slice("sha256:".length)), out);
    });
  }
}
