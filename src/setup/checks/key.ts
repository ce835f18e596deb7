/** Checks the key and the credentials. Only the fingerprint of the key and the source are shown. */

import { PullamaError } from "../../core/errors.ts";
import { findPassword } from "../../registry/auth/docker_config.ts";
import { readKey } from "../../registry/auth/key.ts";
import type { Identity } from "../../registry/source.ts";
import type { Step } from "./run.ts";

/** `host` is the registry's host, with the port unless it is the default. */
export function keyStep(identity: Identity, host: string): Step {
  return {
    name: "key",
    late: "the key could not be read",
    remedy: "check the file, or use another key with PULLAMA_KEY",
    async check() {
      const credentials = await credentialsText(identity, host);
      const { keyFile, read } = identity;
      if (keyFile === undefined) {
        return { found: ["no key: no home directory", credentials] };
      }
      const key = await readKey(keyFile, read);
      if ("sign" in key) {
        return { found: [keyFile, "Ed25519", await fingerprint(key.publicKey), credentials] };
      }
      if (key.missing) {
        return { found: [`no key ${keyFile} (not needed for public models)`, credentials] };
      }
      throw new PullamaError("auth", key.reason, { hint: key.hint });
    },
  };
}

/** The fingerprint of a public key (second field of a `.pub` file), as in `ssh-keygen -l`. */
export async function fingerprint(publicKey: string): Promise<string> {
  const blob = Uint8Array.from(atob(publicKey), (character) => character.charCodeAt(0));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", blob));
  return `SHA256:${btoa(String.fromCharCode(...hash)).replace(/=+$/, "")}`;
}

async function credentialsText(identity: Identity, host: string): Promise<string> {
  const { credentials, problem } = await findPassword(host, identity);
  if (credentials) return `credentials for ${host} from ${credentials.source}`;
  return `no credentials for ${host}${problem === undefined ? "" : `: ${problem}`}`;
}
