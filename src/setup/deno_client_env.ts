/** Creating Deno's HTTP clients without the settings that Deno reads from the environment by itself. */

/** Deno reads these by other rules than ours: `NO_PROXY=*`, for example, has no effect there. */
const PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]
  .flatMap((name) => [name, name.toLowerCase()]);

/** On systems that do not keep certificates in files, Deno trusts them only if this is set. */
const STORE = "DENO_TLS_CA_STORE";
const ASKS_FOR_STORE = ["darwin", "windows"].includes(Deno.build.os);

/**
 * Calls `make` synchronously in an environment without proxies, and restores the environment: it may belong to a
 * program that calls the library.
 */
export function withoutProxyEnv<T>(make: () => T): T {
  const before = PROXIES.map((name) => [name, Deno.env.get(name)] as const);
  const store = ASKS_FOR_STORE && Deno.env.get(STORE) === undefined;
  for (const [name, value] of before) if (value !== undefined) Deno.env.delete(name);
  if (store) Deno.env.set(STORE, "mozilla,system");
  try {
    return make();
  } finally {
    if (store) Deno.env.delete(STORE);
    for (const [name, value] of before) if (value !== undefined) Deno.env.set(name, value);
  }
}
