/** Runs the tools that make packages, and writes the trees that they pack. */

import { createHash } from "node:crypto";
import { dirname, join } from "node:path";

/** Runs a command to its end and returns its output. Throws with its errors if it fails. */
export async function runTool(
  [command = "", ...args]: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  const { cwd, env = {} } = options;
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(command, {
      args,
      env: { LC_ALL: "C", ...env },
      stdin: "null",
      ...(cwd !== undefined && { cwd }),
    }).output();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new Error(`${command} is not installed`);
    throw error;
  }
  const decoder = new TextDecoder();
  if (output.success) return decoder.decode(output.stdout);
  throw new Error(`${command} failed: ${decoder.decode(output.stderr).trim()}`);
}

/** Writes files below `root`, whose names are paths. */
export async function writeTree(
  root: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(root, name);
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeFile(
      path,
      typeof content === "string" ? new TextEncoder().encode(content) : content,
      { mode: 0o644 },
    );
  }
}

/** Copies a program below `root`, executable for everyone. */
export async function copyProgram(from: string, to: string): Promise<void> {
  await Deno.mkdir(dirname(to), { recursive: true });
  await Deno.copyFile(from, to);
  await Deno.chmod(to, 0o755);
}

/** Sets the times of everything in `root`. */
export async function setTimes(root: string, date: Date): Promise<void> {
  await runTool(["find", root, "-exec", "touch", "-hd", `@${seconds(date)}`, "{}", "+"]);
}

/** Makes a tar archive of everything in `root`: the same bytes for the same content and time. */
export async function tarOf(root: string, out: string, date: Date): Promise<void> {
  await runTool([
    "tar",
    "--sort=name",
    "--format=posix",
    "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
    `--mtime=@${seconds(date)}`,
    "--owner=0",
    "--group=0",
    "--numeric-owner",
    "-C",
    root,
    "-cf",
    out,
    ...[...Deno.readDirSync(root)].map(({ name }) => name).sort(),
  ]);
}

/** Compresses a file as gzip does, without its name and time. */
export async function gzipped(path: string, out: string): Promise<void> {
  const from = await Deno.open(path);
  const to = await Deno.open(out, { write: true, create: true, truncate: true });
  await from.readable.pipeThrough(new CompressionStream("gzip")).pipeTo(to.writable);
}

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  for await (const piece of file.readable) hash.update(piece);
  return hash.digest("hex");
}

export function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

/** Calls `make` with an empty folder, which is removed afterwards. */
export async function withFolder<T>(make: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "pullama-packaging-" });
  try {
    return await make(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
