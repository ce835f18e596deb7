/** Child processes as disposable objects: they end with the test, within a time limit. */

/** Milliseconds for a server to become ready, and to end after SIGTERM. */
const READY_MS = 30_000;
const END_MS = 5_000;

export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What it writes to stderr once it is ready. The first group is kept. */
  readonly ready: RegExp;
}

export interface Child extends AsyncDisposable {
  /** The first group of the match of `ready`. */
  readonly said: string;
  /** Its stderr so far. */
  readonly log: () => string;
}

/** Starts a server and waits until it is ready. Rejects with its stderr if it ends first. */
export async function startChild({ command, args, env, ready }: ServerCommand): Promise<Child> {
  const process = new Deno.Command(command, {
    args: [...args],
    clearEnv: true,
    env: alone(env),
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let text = "";
  const { promise: said, resolve } = Promise.withResolvers<string | undefined>();
  const reading = (async () => {
    for await (const piece of process.stderr.pipeThrough(new TextDecoderStream())) {
      text += piece;
      const hit = ready.exec(text);
      if (hit) resolve(hit[1] ?? "");
    }
    resolve(undefined);
  })();
  const end = async () => {
    const timer = setTimeout(() => kill(process, "SIGKILL"), END_MS);
    kill(process, "SIGTERM");
    await process.status;
    clearTimeout(timer);
    await reading;
  };
  const late = setTimeout(() => resolve(undefined), READY_MS);
  const first = await said;
  clearTimeout(late);
  if (first === undefined) {
    await end();
    throw new Error(`${command} does not start: ${text}`);
  }
  return { said: first, log: () => text, [Symbol.asyncDispose]: end };
}

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Timeout in milliseconds, after which it is killed. */
  readonly limit?: number;
}

/** What no program can do without; those but the first are of Windows, where nothing connects without them. */
const ESSENTIAL = ["PATH", "SystemRoot", "TEMP"];

/** An environment of `env` and what is essential. The home is known by the name that it has here. */
export function alone(env: Readonly<Record<string, string>> = {}): Record<string, string> {
  const kept = ESSENTIAL.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  const home = Deno.build.os === "windows" && env["HOME"] ? { USERPROFILE: env["HOME"] } : {};
  return { PATH: "/usr/bin:/bin", ...Object.fromEntries(kept), ...home, ...env };
}

/**
 * Starts a command with only `env` and PATH in its environment, and with stdout and stderr piped.
 */
export function spawnAlone(
  [command = "", ...args]: readonly string[],
  { env, cwd }: { readonly env: Readonly<Record<string, string>>; readonly cwd?: string },
): Deno.ChildProcess {
  return new Deno.Command(command, {
    args,
    ...(cwd !== undefined && { cwd }),
    clearEnv: true,
    env: alone(env),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs a command to its end, with only `env` and PATH in its environment. */
export async function runToEnd(
  command: readonly string[],
  { env = {}, cwd = "/", limit = 120_000 }: RunOptions = {},
): Promise<Ended> {
  const process = spawnAlone(command, { env, cwd });
  const timer = setTimeout(() => kill(process, "SIGKILL"), limit);
  const [out, err, { code }] = await Promise.all([
    new Response(process.stdout).text(),
    new Response(process.stderr).text(),
    process.status,
  ]);
  clearTimeout(timer);
  return { code, out, err };
}

/** Whether SIGKILL has ended it; on Windows that is an exit code, which a failure has too. */
export function wasKilled({ signal, code }: Deno.CommandStatus): boolean {
  return Deno.build.os === "windows" ? code === 1 : signal === "SIGKILL";
}

/** Sends a signal, unless the process has already ended. */
export function kill(process: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    process.kill(signal);
  } catch {
    // It has already ended.
  }
}

/** A temporary directory that is removed when disposed. */
export async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "pullama-test-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
