/** Looking up the addresses of a host. */

import { lookup as systemLookup } from "node:dns";
import type { ProxyFor } from "./proxy.ts";

/** The addresses of a host, as the system resolves it. */
export type Lookup = (host: string) => Promise<readonly string[]>;

/** By callback: the promise form prints a deprecation warning on Deno 2.6. */
export function addressesOf(host: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    systemLookup(host, { all: true }, (error, found) => {
      if (error) reject(error);
      else resolve(found.map(({ address }) => address));
    });
  });
}

/** A proxy resolves names by itself: where requests go through one, `lookup` is not asked. */
export function lookupBeside(
  proxyFor: ProxyFor | undefined,
  scheme: "http" | "https",
  lookup: Lookup,
): Lookup {
  return (host) => proxyFor?.(new URL(`${scheme}://${host}/`)) ? Promise.resolve([]) : lookup(host);
}
