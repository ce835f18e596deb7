/** A temporary directory for one test, and another process that holds a lock in it. */

export interface Scratch extends AsyncDisposable {
  readonly path: string;
}

export async function scratch(): Promise<Scratch> {
  const path = await Deno.makeTempDir({ prefix: "pullama-io-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

export interface OtherHolder extends AsyncDisposable {
  readonly pid: number;
  /** Ends it with SIGKILL. */
  kill(): Promise<void>;
}

/** Starts a process that takes the lock; resolves when it holds it. */
export async function otherHolder(path: string): Promise<OtherHolder> {
  const lock = new URL("../../src/io/lock.ts", import.meta.url).href;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", "--no-config", "--no-lock", CODE, lock, path],
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
