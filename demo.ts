/**
 * A demonstration without network, in a few seconds: pulls a model from a local registry, kills
 * pullama half way, and pulls again, which downloads only the rest. Removes all its files.
 */

import { fileURLToPath } from "node:url";
import { shortId } from "./src/core/digest.ts";
import { parseName } from "./src/core/name.ts";
import { intersect, type Range, total } from "./src/core/ranges.ts";
import { formatSize } from "./src/core/units.ts";
import { blobFile, blobPaths, manifestPath, pathsOf } from "./src/store/layout/paths.ts";
import { makeModel } from "./tests/fakes/model.ts";
import { type Registry, startRegistry } from "./tests/fakes/registry.ts";

const SIZE = 256 << 20;
/** Slow enough for one or two checkpoints before the kill. */
const BYTES_PER_SECOND = 48 << 20;

const folder = await Deno.makeTempDir({ prefix: "pullama-demo-" });
const registry = await startRegistry({ bytesPerSecond: BYTES_PER_SECOND });
try {
  await demo(registry, `${folder}/models`);
} finally {
  await registry.close();
  await Deno.remove(folder, { recursive: true });
}

async function demo(registry: Registry, modelsDir: string): Promise<void> {
  const model = registry.add("library/demo:latest", makeModel({ size: SIZE }));
  const weights = model.layers[0]!;
  const paths = pathsOf(modelsDir);
  const argv = [model.name, "--insecure", "--models-dir", modelsDir];
  say(`The registry at ${registry.host} serves a model of ${formatSize(weights.size)}.`);

  say(`\n$ pullama ${model.name} --insecure`);
  const { checkpoint } = blobPaths(paths, weights.digest);
  await killWhen(
    pullama(argv),
    () => registry.served(weights.digest) >= weights.size / 2 && exists(checkpoint),
  );
  await quiet(registry);
  const first = registry.served(weights.digest);
  const proven: Range[] = JSON.parse(Deno.readTextFileSync(checkpoint)).proven;
  const requestsBefore = registry.requests.length;

  say(
    `\nKilled with SIGKILL after the registry sent ${formatSize(first)}. The same command again:`,
  );
  say(`\n$ pullama ${model.name} --insecure`);
  const { code } = await pullama(argv).status;
  if (code !== 0) throw new Error(`the second pull failed with exit code ${code}`);
  await quiet(registry);
  const all = registry.served(weights.digest);
  const again = registry.requests.slice(requestsBefore)
    .filter(({ path }) => path.endsWith(weights.digest))
    .flatMap(({ range }) => range ?? []);
  const twice = total(intersect(proven, again));
  say(`
size of the blob                      ${bytes(weights.size)}
sent before the kill                  ${bytes(first)}
sent after the kill                   ${bytes(all - first)}
sent twice: in flight at the kill     ${bytes(all - weights.size)}
in the checkpoint at the kill         ${bytes(total(proven))}
of these, requested again             ${bytes(twice)}`);
  if (twice > 0) throw new Error("bytes in the checkpoint were downloaded again");

  say("\nThe models folder, with the ID as in `ollama list`:\n");
  const show = (path: string, what: string) => {
    const name = path.slice(modelsDir.length + 1).replace(/(sha256-.{12}).*/, "$1…");
    say(`${formatSize(Deno.statSync(path).size).padStart(8)}  ${name}  ${what}`);
  };
  show(manifestPath(paths, parseName(model.name)), `ID ${shortId(model.digest)}`);
  for (const { digest, mediaType } of [...model.layers, model.config!]) {
    show(`${paths.blobs}/${blobFile(digest)}`, mediaType);
  }
}

/** Starts the program of PULLAMA_BIN if it is set, otherwise the source. */
function pullama(argv: readonly string[]): Deno.ChildProcess {
  const binary = Deno.env.get("PULLAMA_BIN");
  const main = fileURLToPath(new URL("src/main.ts", import.meta.url));
  const args = binary
    ? [...argv]
    : ["run", "--quiet", "-A", "--no-check", "--frozen", main, ...argv];
  return new Deno.Command(binary || Deno.execPath(), { args, stdin: "null" }).spawn();
}

/** Kills a process with SIGKILL as soon as `ready`. */
async function killWhen(process: Deno.ChildProcess, ready: () => boolean): Promise<void> {
  const timer = setInterval(() => {
    if (!ready()) return;
    clearInterval(timer);
    process.kill("SIGKILL");
  }, 5);
  const { signal } = await process.status;
  clearInterval(timer);
  if (signal !== "SIGKILL") throw new Error("the pull ended before it could be killed");
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Resolves when all responses have ended. */
async function quiet(registry: Registry): Promise<void> {
  await Promise.all(registry.requests.map((request) => request.over));
}

function bytes(count: number): string {
  return count.toLocaleString("en").padStart(11);
}

function say(text: string): void {
  console.log(text);
}
