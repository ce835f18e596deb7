/** A temporary directory for one test, and other processes that work in it. */

export interface Scratch extends AsyncDisposable {
  readonly path: string;
}

export async function scratch(): Promise<Scratch> {
  const path = await Deno.makeTempDir({ prefix: "pullama-io-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

export interface OtherProcess extends AsyncDisposable {
  readonly pid: number;
  /** Ends it with SIGKILL. */
  kill(): Promise<void>;
}

/** Starts a process that takes the lock; resolves when it holds it. */
export function otherHolder(path: string): Promise<OtherProcess> {
  return otherProcess(CODE, new URL("../../src/io/lock.ts", import.meta.url).href, path);
}

/** Starts a process that runs `code`; resolves when it prints something. */
export async function otherProcess(code: string, ...args: string[]): Promise<OtherProcess> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", "--no-config", "--no-lock", code, ...args],
    stdout: "piped",
    stdin: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  let killed: Promise<void> | undefined;
  const kill = () =>
    killed ??= (async () => {
      child.kill("SIGKILL");
      await child.status;
      await reader.cancel();
    })();
  return { pid: child.pid, kill, [Symbol.asyncDispose]: kill };
}

const CODE = `
const { tryLock } = await import(Deno.args[0]);
const lock = await tryLock(Deno.args[1]);
console.log(lock ? "held" : "refused");
setInterval(() => lock, 1000);
`;
