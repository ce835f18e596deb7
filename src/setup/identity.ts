/** The user's credentials, from the environment. */

import { join } from "node:path";
import type { Identity } from "../registry/source.ts";
import { keptSecrets } from "../registry/auth/secret_file.ts";
import { homeIn } from "./environment.ts";

/**
 * Key and password files and logins that `env` names, with the hosts that may have the logins. An
 * empty variable counts as unset.
 */
export function identityIn(
  env: (name: string) => string | undefined,
  tokenHosts: readonly string[] = [],
): Identity {
  const home = homeIn(env);
  const keyFile = env("PULLAMA_KEY") || (home && join(home, ".ollama", "id_ed25519"));
  const docker = env("DOCKER_CONFIG") || (home && join(home, ".docker"));
  const host = env("PULLAMA_REGISTRY_HOST");
  const user = env("PULLAMA_REGISTRY_USER");
  const password = env("PULLAMA_REGISTRY_PASSWORD") ?? "";
  return {
    ...(tokenHosts.length > 0 && { tokenHosts }),
    ...(keyFile && { keyFile }),
    ...(docker && { dockerConfig: join(docker, "config.json") }),
    ...(host && user && { login: { host, user, password } }),
  };
}

/** `identity` with the files as they are now, for a process that loses the right to read them. */
export async function keptIdentity(identity: Identity): Promise<Identity> {
  const { keyFile, dockerConfig } = identity;
  const paths = [keyFile, dockerConfig].filter((path) => path !== undefined);
  return { ...identity, read: await keptSecrets(paths) };
}
