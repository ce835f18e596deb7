/** What Deno does of its own accord when it makes a client for HTTP, and should not. */

/** By rules of its own: `NO_PROXY=*`, say, means nothing to it. We have ours. */
const PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"]
  .flatMap((name) => [name, name.toLowerCase()]);

/** Where certificates are not kept in files, Deno has to be asked to trust those of the system as well. */
const STORE = "DENO_TLS_CA_STORE";
const ASKS_FOR_STORE = ["darwin", "windows"].includes(Deno.build.os);

/**
 * Runs `make` in an environment that names no proxy. It is as before afterwards: it may belong to a program that
 * calls the library. Nothing else runs meanwhile.
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
