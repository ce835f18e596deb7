/** DNS lookups. */

import { lookup as systemLookup } from "node:dns";
import type { ProxyFor } from "./proxy.ts";

/** Resolves a host name to its addresses. */
export type Lookup = (host: string) => Promise<readonly string[]>;

/** Uses the callback API: the promise API prints a deprecation warning on Deno 2.6. */
export function addressesOf(host: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    systemLookup(host, { all: true }, (error, found) => {
      if (error) reject(error);
      else resolve(found.map(({ address }) => address));
    });
  });
}

/** `lookup`, but without a result for hosts behind a proxy, which resolves names itself. */
export function lookupBeside(
  proxyFor: ProxyFor | undefined,
  scheme: "http" | "https",
  lookup: Lookup,
): Lookup {
  return (host) => proxyFor?.(new URL(`${scheme}://${host}/`)) ? Promise.resolve([]) : lookup(host);
}
