/** The library face: its examples run, and its types are whole. */

import assert from "node:assert/strict";
import { fileURLToPath, pathToFileURL } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { makeModel } from "../fakes/model.ts";
import { type Registry, startRegistry } from "../fakes/registry.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Where the examples are, with how many of them. */
const EXAMPLES = [["src/mod.ts", 2], ["README.md", 1]] as const;

async function deno(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/**
 * A configuration with which "@pullama/cli/pull" is the library and llama3.2 is a model of `registry`: the
 * examples are run as they stand.
 */
async function writeConfig(folder: string, registry: Registry): Promise<string> {
  const library = new URL("../../src/mod.ts", import.meta.url);
  await Deno.writeTextFile(
    `${folder}/library.ts`,
    `
import { pull as real, type LibraryOptions, type Summary } from "${library}";
export * from "${library}";
export function pull(name: string, options: LibraryOptions = {}): Promise<Summary> {
  const place = { modelsDir: ${JSON.stringify(`${folder}/models`)}, insecure: true };
  return real(\`${registry.host}/library/\${name}\`, { ...place, ...options });
}
`,
  );
  const path = `${folder}/deno.json`;
  const imports = {
    ...config.imports,
    [`${config.name}/pull`]: pathToFileURL(`${folder}/library.ts`).href,
  };
  // What an example does not import itself, Deno imports around it, used or not.
  const compilerOptions = { ...config.compilerOptions, noUnusedLocals: false };
  await Deno.writeTextFile(path, JSON.stringify({ imports, compilerOptions }));
  return path;
}

Deno.test("the examples of the library compile, run and pull a model", async () => {
  await using registry = await startRegistry();
  const model = registry.add("library/llama3.2:latest", makeModel({ size: 2 << 20 }));
  const folder = await Deno.makeTempDir({ prefix: "pullama-examples-" });
  try {
    const path = await writeConfig(folder, registry);
    const files = EXAMPLES.map(([file]) => file);
    const options = ["--doc", "--no-lock", "--config", path, "-A"];
    const { code, out, err } = await deno("test", ...options, ...files);
    const text = out + err;
    assert.equal(code, 0, text);
    const count = EXAMPLES.reduce((sum, [_, examples]) => sum + examples, 0);
    assert.match(text, new RegExp(`${count} passed \\| 0 failed`), text);
    assert.ok(text.includes(model.digest), text);
    const { digest, size } = model.layers[0]!;
    // On a busy computer a range may be requested again that was on its way.
    const twice = registry.served(digest) - size;
    assert.ok(twice >= 0 && twice < 1 << 20, `${twice} bytes came twice`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the library exports what a program needs to name, and nothing else by accident", async () => {
  const { code, out, err } = await deno("doc", "--json", "src/mod.ts");
  assert.equal(code, 0, err);
  const nodes: Record<string, { symbols: readonly { name: string }[] }> = JSON.parse(out).nodes;
  const names = Object.values(nodes).flatMap(({ symbols }) => symbols.map(({ name }) => name));
  assert.deepEqual(names.sort(), [
    "BlobRef",
    "Digest",
    "DryRun",
    "DryRunBlob",
    "Emit",
    "Kind",
    "LibraryOptions",
    "ModelName",
    "PaceState",
    "PullEvent",
    "PullamaError",
    "PullamaErrorOptions",
    "Range",
    "Summary",
    "pull",
  ]);
});

Deno.test("every export of the library is documented", async () => {
  const { code, err } = await deno("doc", "--lint", "src/mod.ts");
  assert.equal(code, 0, err);
});
