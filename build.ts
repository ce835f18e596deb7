/**
 * Compiles the program into one file that runs without Deno:
 *
 *     deno task build                                       # for this machine, into dist/
 *     deno task build --target aarch64-apple-darwin [-o FILE]
 *     deno task build --all [--base-url URL]                # all targets, with SHA256SUMS
 *
 * `--base-url`, the URL that the files will be downloaded from, adds the install scripts, which have
 * the checksums of the programs.
 *
 * `deno compile` downloads its runtime from Deno's own server. If that cannot be reached, set
 * DENORT_BIN to the path of a runtime: then an older compiler that fits it is used.
 * PULLAMA_COMPILER is the command of another compiler.
 */

import { createHash } from "node:crypto";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openStage, type Stage } from "./tools/stage.ts";

const ROOT = fileURLToPath(new URL(".", import.meta.url));
const ENTRY = "src/main.ts";
const WORKER = "src/io/hash_worker.ts";
/** Fits the usual versions of DENORT_BIN; the newest compilers use another format. */
const COMPILER_FOR_DENORT = "npx -y deno@2.8.3";

/** The targets of a release. */
export const TARGETS: readonly string[] = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
];

/**
 * The permissions of the compiled program, in the form of a configuration file: Deno 2.9.6 refuses setuid and setgid
 * on the command line. Hosts and paths are the user's to name, and so cannot be listed here.
 */
export const PERMISSIONS = {
  net: true,
  read: true,
  write: true,
  env: [
    // Home and models folder, by the system.
    "HOME",
    "USERPROFILE",
    "OLLAMA_MODELS",
    "OLLAMA_HOST",
    // Credentials.
    "PULLAMA_KEY",
    "PULLAMA_REGISTRY_HOST",
    "PULLAMA_REGISTRY_USER",
    "PULLAMA_REGISTRY_PASSWORD",
    "PULLAMA_TOKEN_HOSTS",
    "PULLAMA_MIRRORS",
    "DOCKER_CONFIG",
    "PULLAMA_USER_AGENT",
    // Proxies and certificates.
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "REQUEST_METHOD",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "DENO_TLS_CA_STORE",
    // The terminal.
    "NO_COLOR",
    "FORCE_COLOR",
    "CI",
    "TERM",
    "LC_ALL",
    "LC_CTYPE",
    "LANG",
    "WT_SESSION",
    "TERM_PROGRAM",
    "ConEmuANSI",
    "TERMINAL_EMULATOR",
  ],
  sys: [
    "statfs",
    "osUptime",
    "hostname",
    "systemMemoryInfo",
    "uid",
    "networkInterfaces",
    "setuid",
    "setgid",
  ],
} as const;

/**
 * A pull allocates millions of short-lived objects. A small nursery, and an old generation that is collected each
 * time it has grown by a fifth, save tens of MB of memory and cost no time that can be measured.
 */
const MEMORY = "--v8-flags=--max-semi-space-size=2,--heap-growing-percent=20";

/** Arguments of `deno` to compile the program for `target` (undefined: this machine) to `out`. */
export function compileArgs(target: string | undefined, out: string): string[] {
  return [
    "compile",
    "--quiet",
    "--frozen",
    // Other compiler versions have other platform types; types are checked by `deno check`.
    "--no-check",
    "--no-code-cache",
    MEMORY,
    "--exclude-unused-npm",
    // Those of the configuration in the stage, and none that a user could be asked for.
    "--permission-set",
    "--no-prompt",
    "--include",
    WORKER,
    ...(target === undefined ? [] : ["--target", target]),
    "--output",
    out,
    ENTRY,
  ];
}

/** The file name of the program for a target such as "aarch64-apple-darwin". */
export function nameFor(target: string): string {
  const [arch = "", , os = ""] = target.split("-");
  const machine = ({ x86_64: "amd64", aarch64: "arm64" } as Record<string, string>)[arch] ?? arch;
  return `pullama-${os}-${machine}${os === "windows" ? ".exe" : ""}`;
}

/** The command of the compiler: the running Deno, or one that fits DENORT_BIN. */
export function compilerFor(env: (name: string) => string | undefined): string[] {
  const named = env("PULLAMA_COMPILER") || (env("DENORT_BIN") ? COMPILER_FOR_DENORT : "");
  return named === "" ? [Deno.execPath()] : named.split(" ");
}

/** What is wrong with the options, if anything. */
export function usageError(
  { all, target, output, "base-url": baseUrl }: Options,
  env: (name: string) => string | undefined,
): string | undefined {
  if (all && (target ?? output) !== undefined) {
    return "--all cannot be combined with --target or -o";
  }
  if (!all && baseUrl !== undefined) return "--base-url requires --all";
  if (all && env("DENORT_BIN")) return "--all cannot be combined with DENORT_BIN, a single runtime";
  if (target !== undefined && !TARGETS.includes(target)) {
    return `unsupported target ${target}: use one of ${TARGETS.join(", ")}`;
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

/** An install script that downloads from `url` what has the checksums `sums`, and nothing else. */
export function installerFor(script: string, url: string, sums: string): string {
  if (!/^https:\/\/[\w.~:/%+-]+$/.test(url)) throw new TypeError(`invalid https URL: ${url}`);
  return script.replaceAll("@BASE_URL@", url.replace(/\/+$/, ""))
    .replaceAll("@SHA256SUMS@", sums.trimEnd());
}

/** Writes the install scripts for `programs`, to be downloaded from `url`, beside them. */
export async function writeInstallers(programs: readonly string[], url: string): Promise<string[]> {
  const sums = await sumsOf(programs);
  const scripts = ["install.sh", "install.ps1"].map(async (name) => {
    const script = await Deno.readTextFile(join(ROOT, name));
    const out = join(dirname(programs[0]!), name);
    await Deno.writeTextFile(out, installerFor(script, url, sums));
    return out;
  });
  return await Promise.all(scripts);
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
  if (code !== 0) throw new Error(`${command} ${args[0]} failed with exit code ${code}`);
}

/** Compiles to `out`: under a fixed file name first, because newer compilers embed it. */
async function build(target: string | undefined, out: string, stage: Stage): Promise<void> {
  const fresh = join(stage.folder, "out", "pullama");
  const suffix = (target ?? Deno.build.target).includes("windows") ? ".exe" : "";
  await Deno.mkdir(dirname(fresh), { recursive: true });
  await compiler(compileArgs(target, fresh), stage);
  await Deno.mkdir(dirname(out), { recursive: true });
  // Renamed over the old one: a running program cannot be overwritten.
  await Deno.copyFile(fresh + suffix, `${out}.new`);
  await Deno.rename(`${out}.new`, out);
  console.log(`${out} (${((await Deno.stat(out)).size / 1e6).toFixed(1)} MB) ${stage.version}`);
}

async function main(options: Options): Promise<void> {
  const problem = usageError(options, (name) => Deno.env.get(name));
  if (problem !== undefined) throw new Error(problem);
  await using stage = await openStage(ROOT, PERMISSIONS);
  await compiler(["cache", "--quiet", "--frozen", ENTRY], stage);
  await stage.resetTimes();
  const { all, target, output, "base-url": baseUrl } = options;
  const named = (name: string) => join(ROOT, "dist", name);
  if (!all) {
    const out = output ? resolve(output) : named(nameFor(target ?? Deno.build.target));
    return await build(target, out, stage);
  }
  const files = TARGETS.map((each) => named(nameFor(each)));
  for (const [k, each] of TARGETS.entries()) await build(each, files[k]!, stage);
  if (baseUrl !== undefined) files.push(...await writeInstallers(files, baseUrl));
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
