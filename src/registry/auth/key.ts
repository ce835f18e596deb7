/** The user's key, which signs requests for tokens. */

import { sign } from "node:crypto";
import { keyIn, publicText } from "./key_file.ts";
import { readSecret } from "./secret_file.ts";

export interface SigningKey {
  readonly path: string;
  /** In base64, as in the second field of a `.pub` file. */
  readonly publicKey: string;
  /** The 64-byte Ed25519 signature of `bytes` themselves, not of a hash of them. */
  sign(bytes: Uint8Array): Uint8Array;
}

/** Why there is no key to sign with. */
export interface KeyProblem {
  readonly missing: boolean;
  /** One clause about the file. */
  readonly reason: string;
  /** What to do. */
  readonly hint: string;
}

/** Bytes; no key is larger. */
const MAX_FILE = 64 << 10;

/** The key in the file at `path`, or why it cannot be used, without quoting any of its content. */
export async function readKey(path: string, read = readSecret): Promise<SigningKey | KeyProblem> {
  let bytes: Uint8Array | undefined;
  try {
    bytes = await read(path);
  } catch {
    return unusable(path, "cannot be read");
  }
  if (bytes === undefined) {
    const hint = `run "ollama serve" once to create it, or run: ${keygen(path)}`;
    return { missing: true, reason: `key file ${path} not found`, hint };
  }
  if (bytes.length > MAX_FILE) return unusable(path, "is too large");
  const key = keyIn(new TextDecoder().decode(bytes));
  if (typeof key === "string") return unusable(path, key);
  return { path, publicKey: publicText(key), sign: (bytes) => sign(null, bytes, key) };
}

function unusable(path: string, reason: string): KeyProblem {
  const hint = `set PULLAMA_KEY to another key, or create one with: ${keygen("FILE")}`;
  return { missing: false, reason: `the key ${path} ${reason}`, hint };
}

/** The command that creates a key without a passphrase. */
function keygen(path: string): string {
  return `ssh-keygen -t ed25519 -N "" -f ${/[\s"'$\\]/.test(path) ? `"${path}"` : path}`;
}
