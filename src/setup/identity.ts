/** The user's credentials, from the environment. */

import { join } from "node:path";
import type { Identity } from "../registry/source.ts";

/** Key and password files and logins that `env` names. An empty variable counts as unset. */
export function identityIn(env: (name: string) => string | undefined): Identity {
  const home = env(Deno.build.os === "windows" ? "USERPROFILE" : "HOME") || undefined;
  const keyFile = env("PULLAMA_KEY") || (home && join(home, ".ollama", "id_ed25519"));
  const docker = env("DOCKER_CONFIG") || (home && join(home, ".docker"));
  const host = env("PULLAMA_REGISTRY_HOST");
  const user = env("PULLAMA_REGISTRY_USER");
  const password = env("PULLAMA_REGISTRY_PASSWORD") ?? "";
  return {
    ...(keyFile && { keyFile }),
    ...(docker && { dockerConfig: join(docker, "config.json") }),
    ...(host && user && { login: { host, user, password } }),
  };
}
