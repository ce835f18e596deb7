/** Other programs as disposable objects: they end when the test does, in bounded time. */

/** How long a server may take to be ready, and to end after it was asked to. In milliseconds. */
const READY_MS = 30_000;
const END_MS = 5_000;

export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What it writes to stderr once it answers. The first group is kept. */
  readonly ready: RegExp;
}

export interface Child extends AsyncDisposable {
  /** The first group of what said that it is ready. */
  readonly said: string;
  /** What it has written to stderr so far. */
  readonly log: () => string;
}

/** Starts a server and waits until it says that it is ready. Rejects with what it said if it ends before. */
export async function startChild({ command, args, env, ready }: ServerCommand): Promise<Child> {
  const process = new Deno.Command(command, {
    args: [...args],
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin", ...env },
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
  /** Milliseconds until it is killed. */
  readonly limit?: number;
}

/** Starts a command with no environment but the given one and the PATH, and with both outputs piped. */
export function spawnAlone(
  [command = "", ...args]: readonly string[],
  { env, cwd }: { readonly env: Readonly<Record<string, string>>; readonly cwd?: string },
): Deno.ChildProcess {
  return new Deno.Command(command, {
    args,
    ...(cwd !== undefined && { cwd }),
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Runs a command to its end, with no environment but the given one and the PATH. */
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

/** Sends a signal; a process that has ended already is fine. */
export function kill(process: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    process.kill(signal);
  } catch {
    // It has ended by itself.
  }
}

/** A folder that goes with the scope it was made in. */
export async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "pullama-test-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
