/** What there is to log in with. Nothing of it is shown but whose key it is. */

import { PullamaError } from "../../core/errors.ts";
import { findPassword } from "../../registry/auth/docker_config.ts";
import { readKey } from "../../registry/auth/key.ts";
import type { Identity } from "../../registry/source.ts";
import type { Step } from "./run.ts";

/** `host` is the registry's, with its port unless it is the usual one. */
export function keyStep(identity: Identity, host: string): Step {
  return {
    name: "key",
    late: "the key could not be read",
    remedy: "look at the file, or name another key with PULLAMA_KEY",
    async check() {
      const login = await loginText(identity, host);
      const { keyFile } = identity;
      if (keyFile === undefined) {
        return { found: ["no key: there is no home folder", login] };
      }
      const key = await readKey(keyFile);
      if ("sign" in key) {
        return { found: [keyFile, "Ed25519", await fingerprint(key.publicKey), login] };
      }
      if (key.missing) {
        return { found: [`no key ${keyFile}, which public models do not need`, login] };
      }
      throw new PullamaError("auth", key.reason, { hint: key.hint });
    },
  };
}

/** A public key, as the second word of a `.pub` file, in the form in which `ssh-keygen -l` and web sites show it. */
export async function fingerprint(publicKey: string): Promise<string> {
  const blob = Uint8Array.from(atob(publicKey), (character) => character.charCodeAt(0));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", blob));
  return `SHA256:${btoa(String.fromCharCode(...hash)).replace(/=+$/, "")}`;
}

async function loginText(identity: Identity, host: string): Promise<string> {
  const { credentials, problem } = await findPassword(host, identity);
  if (credentials) return `a login for ${host} from ${credentials.source}`;
  return `no login for ${host}${problem === undefined ? "" : `: ${problem}`}`;
}
