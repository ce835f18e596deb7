/**
 * Every system call of `mv` that changes files: the program is killed in it, or it fails. The model is complete in one
 * of the folders at least, and the next `mv` moves it.
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { exists } from "../fakes/exists.ts";
import { makeModel } from "../fakes/model.ts";
import { testWith } from "../needs.ts";
import { temporaryFolder } from "../real/child.ts";
import { pullama } from "../real/program.ts";
import { filesIn, filesUnder, sha256Of } from "../real/store.ts";
import { install } from "../store/installed_models.ts";
import { CALLS } from "./steps.ts";

const FILES = makeModel({ size: 3 << 20 });
const NAME = "registry.ollama.ai/library/moved";
/** Calls of one kind in one thread that are tried at most. */
const MOST_CALLS = 40;

/** Whether the model is in the folder, with all of its blobs, each with the right content. */
function isWhole(models: string): boolean {
  const manifest = `${models}/manifests/${NAME}/latest`;
  if (!exists(manifest)) return false;
  const { config, layers } = JSON.parse(Deno.readTextFileSync(manifest));
  for (const { digest } of [config, ...layers]) {
    const path = `${models}/blobs/${digest.replace(":", "-")}`;
    assert.equal(`sha256:${sha256Of(path)}`, digest, `the model lacks ${path}`);
  }
  return true;
}

/** Moves with a fault in the call `n` of each thread, and again without one; false if no thread makes that many. */
async function survive(mode: number, call: string, fault: string, n: number): Promise<boolean> {
  await using folder = await temporaryFolder();
  const [from, to] = [`${folder.path}/models`, `${folder.path}/other`];
  install(from, "moved/latest", FILES);
  install(from, "kept/latest", makeModel({ size: 1000, seed: 9 }));
  // Another mode than that of the files: then they cannot be links.
  await Deno.mkdir(`${to}/blobs`, { recursive: true });
  await Deno.chmod(`${to}/blobs`, mode);
  const trace = `${folder.path}/trace`;
  const what = `${call}:${fault}:when=${n}`;
  const prefix = ["strace", "-f", "-qq", "-o", trace, "-e", `inject=${what}`];
  const args = ["mv", "moved", to, "--models-dir", from];
  const first = await pullama(args, { home: folder.path, prefix });
  const injected = /\(INJECTED\)|killed by SIGKILL/.test(await Deno.readTextFile(trace));
  const shown = `${what}: ${first.code}: ${first.out}${first.err}`;
  assert.doesNotMatch(first.err, /this is a bug|at file:/, shown);
  const here = isWhole(from);
  assert.ok(here || isWhole(to), shown);
  if (here) {
    const second = await pullama(args, { home: folder.path });
    assert.equal(second.code, 0, `${shown}\nthen: ${second.out}${second.err}`);
  }
  assert.ok(isWhole(to) && !isWhole(from), shown);
  assert.deepEqual(filesUnder(`${from}/manifests`), ["registry.ollama.ai/library/kept/latest"]);
  for (const path of filesIn(`${from}/blobs`).filter((name) => name.startsWith("sha256-"))) {
    const digest = createHash("sha256").update(Deno.readFileSync(`${from}/blobs/${path}`));
    assert.equal(`sha256-${digest.digest("hex")}`, path, shown);
  }
  return injected;
}

for (const fault of ["signal=SIGKILL", "error=EIO", "error=ENOSPC"]) {
  for (const [how, mode] of [["links", 0o755], ["copies", 0o770]] as const) {
    testWith(
      ["a long time", "strace"],
      `a move that ${how} survives every call that changes files with ${fault}`,
      async () => {
        const counts: string[] = [];
        for (const call of CALLS) {
          let n = 1;
          while (n <= MOST_CALLS && await survive(mode, call, fault, n)) n++;
          counts.push(`${call} ${n - 1}`);
        }
        console.log(counts.join(", "));
      },
    );
  }
}
