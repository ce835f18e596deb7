/** File systems that lack something, made of a complete one: the system calls of the real program fail. */

import assert from "node:assert/strict";
import { makeModel } from "../fakes/model.ts";
import { startRegistry } from "../fakes/registry.ts";
import { testWith } from "../needs.ts";
import { temporaryFolder } from "./child.ts";
import { pullama } from "./program.ts";
import { assertInstalled, filesIn } from "./store.ts";

const MIB = 1 << 20;

interface Lacking {
  readonly what: string;
  /** Of strace. */
  readonly inject: string;
  /** What doctor says, and a pull with --output debug. */
  readonly told: RegExp;
}

const LACKING: readonly Lacking[] = [
  {
    what: "sync of directories (shared folders of virtual machines)",
    inject: "fsync:error=EINVAL",
    told: /directories cannot be synced here/,
  },
  {
    what: "owners and modes (CIFS, a container without CAP_CHOWN)",
    inject: "fchmod,fchown,chmod,chown,fchmodat,fchownat:error=EPERM",
    told: /owner and mode of new files cannot be set here/,
  },
  {
    what: "hard links (exFAT, FUSE)",
    inject: "link,linkat:error=EPERM",
    told: /no hard links here: finished blobs are renamed/,
  },
  {
    what: "locks (NFS without a lock service)",
    inject: "flock:error=ENOLCK",
    told: /files cannot be locked here: lock files are used/,
  },
  {
    what: "locks, as it says (Lustre)",
    inject: "flock:error=ENOSYS",
    told: /files cannot be locked here/,
  },
];

for (const { what, inject, told } of LACKING) {
  testWith(
    ["strace"],
    `a file system without ${what} takes a model, the same again, and another one with the same small blobs`,
    async () => {
      await using folder = await temporaryFolder();
      await using registry = await startRegistry();
      const models = `${folder.path}/models`;
      // A mode that new files do not have by themselves.
      await Deno.mkdir(models);
      await Deno.chmod(models, 0o770);
      const prefix = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", `inject=${inject}`];
      const one = registry.add("library/one:latest", makeModel({ size: 2 * MIB, seed: 1 }));
      const two = registry.add("library/two:latest", makeModel({ size: MIB, seed: 2 }));
      const check = ["doctor", one.name, "--insecure", "--models-dir", models];
      const doctor = await pullama(check, { home: folder.path, prefix });
      assert.match(doctor.out, told);
      assert.match(doctor.out, /^ok +folder/m);
      assert.deepEqual([...Deno.readDirSync(models)], []);
      const weights = one.layers[0]!;
      const before = registry.served(weights.digest);
      for (const [k, { name, manifest, config, layers }] of [one, one, two].entries()) {
        const args = [name, "--insecure", "--models-dir", models, "--output", "debug"];
        const { code, out, err } = await pullama(args, { home: folder.path, prefix });
        assert.equal(code, 0, out + err);
        assertInstalled(models, name, { manifest, blobs: [...layers, config!] });
        if (k === 0 && !inject.startsWith("link")) assert.match(out + err, told);
      }
      assert.equal(registry.served(weights.digest) - before, weights.size);
      assert.deepEqual(
        filesIn(`${models}/.pullm`).filter((name) => !name.endsWith(".lock")),
        ["ledger.json"],
      );
    },
  );
}

testWith(
  ["a compiled program", "root"],
  "doctor refuses what a pull would refuse after the download",
  async () => {
    await using folder = await temporaryFolder();
    await using registry = await startRegistry();
    const models = `${folder.path}/models`;
    const { name } = registry.add("library/one:latest", makeModel({ size: MIB }));
    const both = async (plant: () => Promise<void>) => {
      await Deno.mkdir(models);
      await plant();
      const flags = ["--insecure", "--models-dir", models];
      const doctor = await pullama(["doctor", name, ...flags], { home: folder.path });
      const pull = await pullama(["pull", name, ...flags], { home: folder.path });
      assert.deepEqual([doctor.code, pull.code], [1, 1], doctor.out + pull.err);
      const [, reason = "?"] = /^cannot pull \S+: (.+)$/m.exec(pull.err) ?? [];
      assert.ok(doctor.out.includes(reason), `${reason}\n${doctor.out}`);
      await Deno.remove(models, { recursive: true });
      return reason;
    };
    const manifest = `${models}/manifests/${name.replace(":latest", "/latest")}`;
    assert.match(
      await both(() => Deno.mkdir(manifest, { recursive: true })),
      /latest is a directory$/,
    );
    const file = () => Deno.writeTextFile(`${models}/manifests`, "");
    assert.match(await both(file), /manifests is not a directory$/);
    const dead = () => Deno.symlink("/mnt/not/there", `${models}/blobs`);
    assert.match(await both(dead), /blobs is a link to \/mnt\/not\/there, which does not exist$/);
    const link = () => Deno.symlink("/tmp", `${models}/.pullm`);
    assert.match(await both(link), /\.pullm exists and is not a directory$/);
  },
);

testWith(
  ["a shell"],
  "a file that is larger than the file system takes ends a pull with exit code 2 and the reason",
  async () => {
    await using folder = await temporaryFolder();
    await using registry = await startRegistry();
    const { name } = registry.add("library/one:latest", makeModel({ size: 4 * MIB }));
    const args = [name, "--insecure", "--models-dir", `${folder.path}/models`];
    // In blocks of 512 bytes or 1 kB; without the trap a signal would end the program.
    const prefix = ["sh", "-c", 'trap "" XFSZ; ulimit -f 2000; exec "$@"', "sh"];
    const { code, err } = await pullama(args, { home: folder.path, prefix });
    assert.equal(code, 2, err);
    assert.match(err, /cannot write \S+\.partial: file too large/);
  },
);
