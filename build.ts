/**
 * Compiles the program into one file that needs no Deno:
 *
 *     deno task build                                       # for this machine, into dist/
 *     deno task build --target aarch64-apple-darwin [-o FILE]
 *     deno task build --all [--base-url URL]                # all targets, with SHA256SUMS
 *
 * With `--base-url`, where the files will be downloaded from, the install scripts for that address lie beside them.
 *
 * `deno compile` fetches its runtime from Deno's own server. Where that cannot be reached, DENORT_BIN names
 * a runtime that is there already; it has to fit the compiler, so an older one is used then. PULLAMA_COMPILER
 * names the command of another compiler.
 */

import { createHash } from "node:crypto";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openStage, type Stage } from "./tools/stage.ts";

const ROOT = fileURLToPath(new URL(".", import.meta.url));
const ENTRY = "src/main.ts";
const WORKER = "src/io/hash_worker.ts";
/** Reads and writes what DENORT_BIN is likely to be; the newest versions write another form. */
const COMPILER_FOR_DENORT = "npx -y deno@2.8.3";

/** The systems that a release is for. */
export const TARGETS: readonly string[] = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
];

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

/** The name of the program for a target such as "aarch64-apple-darwin". */
export function nameFor(target: string): string {
  const [arch = "", , os = ""] = target.split("-");
  const machine = ({ x86_64: "amd64", aarch64: "arm64" } as Record<string, string>)[arch] ?? arch;
  return `pullama-${os}-${machine}${os === "windows" ? ".exe" : ""}`;
}

/** The command that compiles in `env`: the Deno that runs this, or the one that fits DENORT_BIN. */
export function compilerFor(env: (name: string) => string | undefined): string[] {
  const named = env("PULLAMA_COMPILER") || (env("DENORT_BIN") ? COMPILER_FOR_DENORT : "");
  return named === "" ? [Deno.execPath()] : named.split(" ");
}

/** Why these files cannot be built, if so. */
export function refusal(
  { all, target, output, "base-url": baseUrl }: Options,
  env: (name: string) => string | undefined,
): string | undefined {
  if (all && (target ?? output) !== undefined) return "--all goes with neither --target nor -o";
  if (!all && baseUrl !== undefined) return "--base-url goes with --all";
  if (all && env("DENORT_BIN")) return "--all cannot be built with the one runtime of DENORT_BIN";
  if (target !== undefined && !TARGETS.includes(target)) {
    return `there is no target ${target}: it is one of ${TARGETS.join(", ")}`;
  }
  return undefined;
}

/** The lines of SHA256SUMS for `files`, as `sha256sum --check` reads them. */
export async function sumsOf(files: readonly string[]): Promise<string> {
  const lines = [...files].sort().map(async (file) => {
    const hash = createHash("sha256");
    using opened = await Deno.open(file);
    for await (const piece of opened.readable) hash.update(piece);
    return `${hash.digest("hex")}  ${basename(file)}\n`;
  });
  return (await Promise.all(lines)).join("");
}

/** An install script that downloads from `url`. */
export function installerFor(script: string, url: string): string {
  if (!/^https:\/\/[\w.~:/%+-]+$/.test(url)) throw new TypeError(`not an address: ${url}`);
  return script.replaceAll("@BASE_URL@", url.replace(/\/+$/, ""));
}

interface Options {
  readonly all?: boolean | undefined;
  readonly target?: string | undefined;
  readonly output?: string | undefined;
  readonly "base-url"?: string | undefined;
}

/** Runs the compiler in the stage. Throws if it fails. */
async function compiler(args: readonly string[], stage: Stage): Promise<void> {
  const [command = "", ...before] = compilerFor((name) => Deno.env.get(name));
  const { code } = await new Deno.Command(command, {
    args: [...before, ...args],
    cwd: stage.folder,
    env: stage.env,
    stdin: "null",
  }).spawn().status;
  if (code !== 0) throw new Error(`${command} ${args[0]} ended with exit code ${code}`);
}

/** Compiles under one name for all, as newer compilers embed it, and puts the result at `out`. */
async function build(target: string | undefined, out: string, stage: Stage): Promise<void> {
  const fresh = join(stage.folder, "out", "pullama");
  const suffix = (target ?? Deno.build.target).includes("windows") ? ".exe" : "";
  await Deno.mkdir(dirname(fresh), { recursive: true });
  await compiler(compileArgs(target, fresh), stage);
  await Deno.mkdir(dirname(out), { recursive: true });
  // Beside the old one: a program that is running cannot be overwritten.
  await Deno.copyFile(fresh + suffix, `${out}.new`);
  await Deno.rename(`${out}.new`, out);
  console.log(`${out} (${((await Deno.stat(out)).size / 1e6).toFixed(1)} MB) ${stage.version}`);
}

async function main(options: Options): Promise<void> {
  const reason = refusal(options, (name) => Deno.env.get(name));
  if (reason !== undefined) throw new Error(reason);
  await using stage = await openStage(ROOT);
  await compiler(["cache", "--quiet", "--frozen", ENTRY], stage);
  await stage.settle();
  const { all, target, output, "base-url": baseUrl } = options;
  const named = (name: string) => join(ROOT, "dist", name);
  if (!all) {
    const out = output ? resolve(output) : named(nameFor(target ?? Deno.build.target));
    return await build(target, out, stage);
  }
  const files = TARGETS.map((each) => named(nameFor(each)));
  for (const [k, each] of TARGETS.entries()) await build(each, files[k]!, stage);
  for (const script of baseUrl === undefined ? [] : ["install.sh", "install.ps1"]) {
    const text = await Deno.readTextFile(join(ROOT, script));
    await Deno.writeTextFile(named(script), installerFor(text, baseUrl!));
    files.push(named(script));
  }
  await Deno.writeTextFile(named("SHA256SUMS"), await sumsOf(files));
}

if (import.meta.main) {
  try {
    const { values } = parseArgs({
      options: {
        all: { type: "boolean" },
        target: { type: "string" },
        output: { type: "string", short: "o" },
        "base-url": { type: "string" },
      },
    });
    await main(values);
  } catch (error) {
    console.error(`cannot build: ${error instanceof Error ? error.message : error}`);
    Deno.exit(1);
  }
}
