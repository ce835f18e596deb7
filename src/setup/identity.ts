/** Who the user is, as the environment says it. */

import { join } from "node:path";
import type { Identity } from "../registry/source.ts";

/** What to log in with, as the environment `env` of the program names it. An empty variable is none. */
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
