/**
 * Compiles the program into one file that needs no Deno:
 *
 *     deno task build [--target x86_64-unknown-linux-gnu] [-o dist/pullama]
 *
 * `deno compile` fetches its runtime from Deno's own server. Where that cannot be reached, DENORT_BIN names
 * a runtime that is there already; it has to fit the compiler, so an older one is used then (PULLAMA_COMPILER
 * names another).
 */

import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const ROOT = fileURLToPath(new URL(".", import.meta.url));
const ENTRY = "src/main.ts";
const WORKER = "src/io/hash_worker.ts";
/** Reads and writes what DENORT_BIN is likely to be; the newest versions write another form. */
const COMPILER_FOR_DENORT = "npx -y deno@2.8.3";

/** All that the program may ever do; there is no prompt for more. */
const PERMISSIONS = [
  "--no-prompt",
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-sys=statfs,osUptime,hostname,uid,gid",
];

/** Millions of short-lived pieces pass through: a small nursery keeps tens of MB that it would only spread over. */
const MEMORY = "--v8-flags=--max-semi-space-size=1";

/** Arguments of `deno` that compile the program for `target` (undefined: this machine) to the file `out`. */
export function compileArgs(target: string | undefined, out: string): string[] {
  return [
    "compile",
    "--quiet",
    "--frozen",
    // Other versions of the compiler know other types of the platform; `deno check` is the judge.
    "--no-check",
    "--no-code-cache",
    MEMORY,
    "--exclude-unused-npm",
    ...PERMISSIONS,
    "--include",
    WORKER,
    ...(target === undefined ? [] : ["--target", target]),
    "--output",
    out,
    ENTRY,
  ];
}

/** The name of the program for a target such as "aarch64-apple-darwin", in dist/. */
export function outputFor(target: string): string {
  const [arch = "", , os = ""] = target.split("-");
  const machine = ({ x86_64: "amd64", aarch64: "arm64" } as Record<string, string>)[arch] ?? arch;
  return `dist/pullama-${os}-${machine}${os === "windows" ? ".exe" : ""}`;
}

/** The command that compiles: the Deno that runs this, or the one that fits DENORT_BIN. */
function compiler(): string[] {
  if (!Deno.env.get("DENORT_BIN")) return [Deno.execPath()];
  return (Deno.env.get("PULLAMA_COMPILER") ?? COMPILER_FOR_DENORT).split(" ");
}

async function build(target: string | undefined, out: string): Promise<number> {
  await Deno.mkdir(dirname(out), { recursive: true });
  const [command = "", ...args] = [...compiler(), ...compileArgs(target, out)];
  const child = new Deno.Command(command, { args, cwd: ROOT, stdin: "null" }).spawn();
  const { code } = await child.status;
  if (code === 0) {
    const { size } = await Deno.stat(out);
    console.log(`${out} (${(size / 1e6).toFixed(1)} MB)`);
  }
  return code;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { target: { type: "string" }, output: { type: "string", short: "o" } },
  });
  const { target, output } = values;
  const out = output ? resolve(output) : join(ROOT, outputFor(target ?? Deno.build.target));
  Deno.exit(await build(target, out));
}
