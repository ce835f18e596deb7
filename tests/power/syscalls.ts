/** Runs a command under strace, and reads what it did to files. */

import { type Ended, runToEnd } from "../real/child.ts";

/** All calls that open, change, rename, sync or remove files. */
const CALLS = [
  ...["open", "openat", "creat", "close", "dup", "dup2", "dup3", "fcntl", "lseek"],
  ...["write", "pwrite64", "writev", "pwritev", "pwritev2", "ftruncate", "truncate", "fallocate"],
  ...["copy_file_range", "sendfile", "fsync", "fdatasync", "sync_file_range", "sync", "syncfs"],
  ...["rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"],
  ...["unlink", "unlinkat", "mkdir", "mkdirat", "rmdir"],
];
/** Bytes of a write that are recorded: more than any. */
const LONGEST = 1 << 26;

/** A system call that succeeded; of one that lasted there are two, and what it does happens in between. */
export interface Syscall {
  readonly call: string;
  /** As strace writes them, with strings in hexadecimal. */
  readonly args: readonly string[];
  /** Undefined when the call begins. */
  readonly result: number | undefined;
}

export interface Traced extends Ended {
  readonly calls: readonly Syscall[];
}

/** Runs `command` to its end. `trace` is the path of a file for the record. */
export async function traced(
  command: readonly string[],
  trace: string,
  env: Readonly<Record<string, string>>,
): Promise<Traced> {
  const strace = ["strace", "-f", "--seccomp-bpf", "-qq", "-xx", "-s", String(LONGEST)];
  const options = ["-e", `trace=${CALLS.join()}`, "-e", "signal=none", "-o", trace];
  const ended = await runToEnd([...strace, ...options, ...command], { env });
  const calls = syscallsOf(await Deno.readTextFile(trace));
  await Deno.remove(trace);
  return { ...ended, calls };
}

/** Every call twice: when it begins, and when it has succeeded. */
function syscallsOf(trace: string): Syscall[] {
  const begun = new Map<string, Pick<Syscall, "call" | "args">>();
  return trace.split("\n").flatMap((line): Syscall[] => {
    const thread = /^\d+/.exec(line)?.[0];
    if (thread === undefined) return [];
    const rest = line.slice(thread.length).trimStart();
    const resumed = /^<\.\.\. \w+ resumed>/.exec(rest);
    const known = begun.get(thread);
    if (resumed && known) {
      begun.delete(thread);
      const added = rest.slice(resumed[0].length).replace(/^,? ?/, "");
      const args = [...known.args, ...argsOf(added.slice(0, endOfArgs(added)))];
      return succeeded({ call: known.call, args }, added);
    }
    const call = /^(\w+)\(/.exec(rest)?.[1];
    if (call === undefined) return [];
    const unfinished = rest.endsWith(" <unfinished ...>");
    const from = call.length + 1;
    const to = unfinished ? rest.length - " <unfinished ...>".length : endOfArgs(rest);
    const one = { call, args: argsOf(rest.slice(from, to)) };
    if (unfinished) begun.set(thread, one);
    const begins = { ...one, result: undefined };
    return unfinished ? [begins] : [begins, ...succeeded(one, rest)];
  });
}

function succeeded(one: Pick<Syscall, "call" | "args">, line: string): Syscall[] {
  const result = Number(/^\) *= (-?\d+)/.exec(line.slice(endOfArgs(line)))?.[1] ?? -1);
  return result < 0 ? [] : [{ ...one, result }];
}

function endOfArgs(line: string): number {
  return line.lastIndexOf(")", line.lastIndexOf(" = "));
}

function argsOf(text: string): string[] {
  const args = text.replace(/,$/, "").split(", ");
  return args.length === 1 && args[0] === "" ? [] : args;
}

/** The bytes of a string as strace writes it. */
export function bytesOf(arg: string): Uint8Array {
  const bytes = new Uint8Array((arg.length - 2) / 4);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = parseInt(arg.slice(4 * i + 3, 4 * i + 5), 16);
  }
  return bytes;
}

export function textOf(arg: string): string {
  return new TextDecoder().decode(bytesOf(arg));
}
