/**
 * A program that holds a file as Windows lets it: nobody else may open, rename or remove what it does not share.
 *
 *     deno run -A tests/fakes/holder.ts PATH none|read
 *
 * It says "held" when it has the file, and lets go of it when its standard input ends.
 */

import { fileURLToPath } from "node:url";

const GENERIC_READ = 0x8000_0000;
const SHARED = { none: 0, read: 1 };
const OPEN_EXISTING = 3;
const INVALID_HANDLE = 0xffff_ffff_ffff_ffffn;

export interface FileHolder extends AsyncDisposable {
  /** Lets go of the file. */
  release(): Promise<void>;
}

/** Starts the program and waits until it has the file; it shares it with those who only read, or with none. */
export async function holdFile(path: string, shared: keyof typeof SHARED): Promise<FileHolder> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", fileURLToPath(import.meta.url), path, shared],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await reader.read();
  if (!value?.startsWith("held")) throw new Error(`cannot hold ${path}`);
  let released: Promise<void> | undefined;
  const release = () =>
    released ??= (async () => {
      await child.stdin.close();
      await child.status;
      await reader.cancel();
    })();
  return { release, [Symbol.asyncDispose]: release };
}

if (import.meta.main) {
  const [path = "", shared = "none"] = Deno.args;
  const { symbols } = Deno.dlopen("kernel32.dll", {
    CreateFileW: {
      parameters: ["buffer", "u32", "u32", "pointer", "u32", "u32", "pointer"],
      result: "u64",
    },
  });
  const wide = new Uint16Array([...`${path}\0`].map((letter) => letter.charCodeAt(0)));
  const share = SHARED[shared as keyof typeof SHARED];
  const handle = symbols.CreateFileW(wide, GENERIC_READ, share, null, OPEN_EXISTING, 0, null);
  if (handle === INVALID_HANDLE) throw new Error(`cannot open ${path}`);
  console.log("held");
  for await (const _ of Deno.stdin.readable) continue;
}
