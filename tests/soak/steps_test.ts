/**
 * Every system call of a pull that changes files: the program is killed in it, it fails, or it takes a second. The next
 * pull completes the model with the right bytes, and nothing is left.
 */

import assert from "node:assert/strict";
import { mapConcurrent } from "../../src/io/concurrency.ts";
import { openFolder } from "../../src/store/store.ts";
import { makeModel } from "../fakes/model.ts";
import { type AddedModel, startRegistry } from "../fakes/registry.ts";
import { testWith } from "../needs.ts";
import { temporaryFolder } from "../real/child.ts";
import { pullama } from "../real/program.ts";
import { assertInstalled, filesIn } from "../real/store.ts";
import { install } from "../store/installed_models.ts";
import { CALLS } from "./steps.ts";

const SIZE = 3 << 20;
/** Calls of one kind in one thread that are tried at most. */
const MOST_CALLS = 60;

const ERRORS = ["EIO", "ENOSPC", "EACCES", "ENOENT"];
/** No file system says that a file is not there which is. */
const IMPOSSIBLE = "unlink:error=ENOENT";
const FAULTS = [
  "signal=SIGKILL",
  ...ERRORS.map((error) => `error=${error}`),
  "delay_enter=1000000",
];

/** Pulls with a fault in the call `n` of each thread, and again without one; false if no thread makes that many. */
async function survive(
  { name, manifest, config, layers }: AddedModel,
  call: string,
  fault: string,
  n: number,
): Promise<boolean> {
  await using folder = await temporaryFolder();
  const models = `${folder.path}/models`;
  // An older model, which is replaced.
  install(models, name.replace(/:(?=[^:]*$)/, "/"), makeModel({ size: 1000, seed: 9 }));
  const trace = `${folder.path}/trace`;
  const what = `${call}:${fault}:when=${n}`;
  const prefix = ["strace", "-f", "-qq", "-o", trace, "-e", `inject=${what}`];
  const args = ["pull", name, "--insecure", "--models-dir", models];
  const first = await pullama(args, { home: folder.path, prefix });
  const injected = /\((?:INJECTED|DELAYED)\)|killed by SIGKILL/.test(
    await Deno.readTextFile(trace),
  );
  const shown = `${what}: ${first.code}: ${first.out}${first.err}`;
  assert.doesNotMatch(first.err, /this is a bug|at file:/, shown);
  if (fault.startsWith("delay")) assert.equal(first.code, 0, shown);
  const second = await pullama(args, { home: folder.path });
  assert.equal(second.code, 0, `${shown}\nthen: ${second.out}${second.err}`);
  assertInstalled(models, name, { manifest, blobs: [...layers, config!] });
  const { signal } = new AbortController();
  const options = { models: [], dryRun: false, queue: false, signal };
  const { left } = await openFolder(models).clean(options);
  assert.deepEqual(left, [], shown);
  const own = filesIn(`${models}/.pullm`).filter((path) => !path.endsWith(".lock"));
  assert.deepEqual(own, ["ledger.json"], shown);
  assert.equal(filesIn(`${models}/blobs`).length, layers.length + 1, shown);
  return injected;
}

for (const fault of FAULTS) {
  testWith(
    ["a long time", "strace"],
    `a pull survives every call that changes files with ${fault}`,
    async () => {
      await using registry = await startRegistry();
      const model = registry.add("library/tiny:latest", makeModel({ size: SIZE }));
      const counts = await mapConcurrent(CALLS, 2, async (call) => {
        let n = 1;
        if (`${call}:${fault}` === IMPOSSIBLE) return 0;
        while (n <= MOST_CALLS && await survive(model, call, fault, n)) n++;
        return n - 1;
      });
      console.log(CALLS.map((call, i) => `${call} ${counts[i]}`).join(", "));
    },
  );
}
