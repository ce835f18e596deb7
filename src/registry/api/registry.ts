/** Requests about a model: where its registry keeps things, and who sees what on the way there. */

import { type ModelName, plainHttp } from "../../core/name.ts";
import type { Auth } from "../auth/auth.ts";
import { errorText } from "../http/error_body.ts";
import type { Http } from "../http/http.ts";
import type { Lookup } from "../net/dns.ts";
import { type FinalResponse, followRedirects } from "../http/redirects.ts";
import type { Secrets } from "../auth/redact.ts";

export interface Registry {
  /** Where the registry keeps `path` (`manifests/latest`) of a model. Throws what `plainHttp` throws. */
  url(name: ModelName, path: string): URL;
  /**
   * GETs an address, the registry's own or one it has redirected to before, and what it redirects to. Logs
   * in when the registry asks for it. Throws what `followRedirects` and `Auth.get` throw.
   */
  get(
    name: ModelName,
    url: URL,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<FinalResponse>;
  /** What the body of a refusal says, as `errorText` does; without our secrets, should they be in it. */
  reason(response: Response): Promise<string>;
}

export interface RegistryParts {
  readonly http: Http;
  readonly auth: Auth;
  readonly secrets: Secrets;
  /** The user has asked for plain http. */
  readonly insecure: boolean;
  readonly lookup: Lookup;
}

export function openRegistry({ http, auth, secrets, insecure, lookup }: RegistryParts): Registry {
  const url = (name: ModelName, path: string) => {
    const scheme = plainHttp(name, insecure) ? "http" : "https";
    return new URL(`${scheme}://${name.host}/v2/${name.namespace}/${name.model}/${path}`);
  };
  return {
    url,
    get(name, from, headers, signal) {
      return auth.get({
        repository: `${name.namespace}/${name.model}`,
        from,
        home: url(name, "").origin,
        signal,
        send(start, registry, authorization) {
          const request = {
            headers,
            signal,
            ...(authorization !== undefined && { authorization }),
          };
          return followRedirects(http, start, request, { registry, insecure, lookup });
        },
      });
    },
    reason: async (response) => secrets.hide(await errorText(response)),
  };
}
