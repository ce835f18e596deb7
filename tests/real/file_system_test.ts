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
  /** What is told with --output debug. */
  readonly told?: RegExp;
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
  { what: "hard links (exFAT, FUSE)", inject: "link,linkat:error=EPERM" },
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
      for (const [k, { name, manifest, config, layers }] of [one, one, two].entries()) {
        const args = [name, "--insecure", "--models-dir", models, "--output", "debug"];
        const { code, out, err } = await pullama(args, { home: folder.path, prefix });
        assert.equal(code, 0, out + err);
        assertInstalled(models, name, { manifest, blobs: [...layers, config!] });
        if (told && k === 0) assert.match(out + err, told);
      }
      const weights = one.layers[0]!;
      assert.equal(registry.served(weights.digest), weights.size);
      assert.deepEqual(
        filesIn(`${models}/.pullm`).filter((name) => !name.endsWith(".lock")),
        ["ledger.json"],
      );
    },
  );
}
