/** Requests about a model: the URLs of its registry, and the way from a URL to a response. */

import type { ModelName } from "../../core/name.ts";
import type { AuthorizedHttp } from "../auth/auth.ts";
import type { Secrets } from "../auth/redact.ts";
import { errorText } from "../http/error_body.ts";
import type { FinalResponse } from "../http/redirects.ts";
import type { EndpointOf } from "./endpoint.ts";
import type { RangeSupport } from "./range_support.ts";

export interface Registry {
  /** The URL of `path` (`manifests/latest`) of a model. Throws what its endpoint throws. */
  url(name: ModelName, path: string): URL;
  /**
   * GETs a URL, the registry's own or one that it redirected to before: follows redirects, and
   * authenticates if the registry requires it. Throws what `AuthorizedHttp.send` throws.
   */
  get(
    name: ModelName,
    from: URL,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<FinalResponse>;
  /** The reason in an error response, as `errorText` gives it, with our secrets replaced. */
  reason(response: Response): Promise<string>;
}

export class HttpRegistry implements Registry {
  constructor(
    private readonly endpointOf: EndpointOf,
    private readonly http: AuthorizedHttp,
    private readonly secrets: Secrets,
    private readonly ranges: RangeSupport,
  ) {}

  url(name: ModelName, path: string): URL {
    const { origin, repository, ns } = this.endpointOf(name);
    const url = new URL(`${origin}/v2/${repository}/${path}`);
    if (ns !== undefined) url.searchParams.set("ns", ns);
    return url;
  }

  async get(
    name: ModelName,
    from: URL,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<FinalResponse> {
    const { origin: home, repository } = this.endpointOf(name);
    const final = await this.http.send({ repository, from, home, headers, signal });
    this.ranges.note(final.url.host, final.response.headers);
    return final;
  }

  reason(response: Response): Promise<string> {
    return errorText(response, (text) => this.secrets.hide(text));
  }
}
