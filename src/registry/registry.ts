/** Requests about a model: where its registry keeps things, and who sees what on the way there. */

import { type ModelName, plainHttp } from "../core/name.ts";
import type { Http } from "./http.ts";
import { follow, type Landing, type Lookup } from "./redirects.ts";

export interface Registry {
  /** Where the registry keeps `path` (`manifests/latest`) of a model. Throws what `plainHttp` throws. */
  url(name: ModelName, path: string): URL;
  /**
   * GETs an address, the registry's own or one it has redirected to before, and what it redirects to.
   * Throws what `follow` throws.
   */
  get(
    name: ModelName,
    url: URL,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Landing>;
}

/** `insecure`: the user has asked for plain http. */
export function registryOver(http: Http, insecure: boolean, lookup: Lookup): Registry {
  const url = (name: ModelName, path: string) => {
    const scheme = plainHttp(name, insecure) ? "http" : "https";
    return new URL(`${scheme}://${name.host}/v2/${name.namespace}/${name.model}/${path}`);
  };
  return {
    url,
    get(name, from, headers, signal) {
      const trust = { registry: url(name, "").origin, insecure, lookup };
      return follow(http, from, { headers, signal }, trust);
    },
  };
}
