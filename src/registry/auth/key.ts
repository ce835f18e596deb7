/** The user's key, with which requests for tokens are signed. */

import { sign } from "node:crypto";
import { keyIn, publicText } from "./key_file.ts";

export interface SigningKey {
  readonly path: string;
  /** As the second word of a `.pub` file. */
  readonly publicKey: string;
  /** The 64 bytes of an Ed25519 signature over `bytes` themselves, not over a hash of them. */
  sign(bytes: Uint8Array): Uint8Array;
}

/** Why there is no key to sign with. */
export interface KeyProblem {
  readonly missing: boolean;
  /** About the file, one sentence. */
  readonly reason: string;
  /** What to do. */
  readonly hint: string;
}

/** Bytes; nobody's key is longer. */
const MAX_FILE = 64 << 10;

/** The key in the file at `path`, or what is wrong there, in words that hold nothing of the file. */
export async function readKey(path: string): Promise<SigningKey | KeyProblem> {
  let text: string;
  try {
    const { size } = await Deno.stat(path);
    if (size > MAX_FILE) return unusable(path, "is too long for a key");
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) return unusable(path, "cannot be read");
    const hint = `start "ollama serve" once, which makes one, or run: ${keygen(path)}`;
    return { missing: true, reason: `there is no key ${path}`, hint };
  }
  const key = keyIn(text);
  if (typeof key === "string") return unusable(path, key);
  return { path, publicKey: publicText(key), sign: (bytes) => sign(null, bytes, key) };
}

function unusable(path: string, reason: string): KeyProblem {
  const hint = `name another key with PULLAMA_KEY; to make one: ${keygen("FILE")}`;
  return { missing: false, reason: `the key ${path} ${reason}`, hint };
}

/** The command that makes a key without a passphrase. */
function keygen(path: string): string {
  return `ssh-keygen -t ed25519 -N "" -f ${/[\s"'$\\]/.test(path) ? `"${path}"` : path}`;
}
