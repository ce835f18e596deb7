/** Makes a registry require tokens for pushes. */

import type { UploadFault, UploadRegistry, UploadRequest } from "./upload_registry.ts";

export interface PushTokens {
  /** The requests for tokens. */
  readonly asked: readonly UploadRequest[];
  readonly tokens: readonly string[];
  /** Expires all tokens. */
  expireAll(): void;
  /** What else goes wrong, after the token was accepted. */
  more: UploadRegistry["fault"];
}

export interface PushTokenOptions {
  /** Accepted `user:password`. */
  readonly login: string;
  /** The scope in challenges, for a repository; default what a push needs. */
  readonly scope?: (repository: string) => string;
}

export function demandPushTokens(
  registry: UploadRegistry,
  { login, scope = (repository) => `repository:${repository}:pull,push` }: PushTokenOptions,
): PushTokens {
  const good = new Map<string, readonly string[]>();
  const tokens: string[] = [];
  const isToken = ({ path }: UploadRequest) => path === "/token";
  const token = ({ headers, query }: UploadRequest): UploadFault => {
    if (headers.get("authorization") !== `Basic ${btoa(login)}`) return { status: 401 };
    const made = `t0k3n.${crypto.randomUUID()}`;
    good.set(made, query.getAll("scope"));
    tokens.push(made);
    return { status: 200, body: JSON.stringify({ token: made }) };
  };
  const result: PushTokens = {
    get asked() {
      return registry.requests.filter(isToken);
    },
    tokens,
    expireAll: () => good.clear(),
    more: undefined,
  };
  registry.fault = (request, n) => {
    if (isToken(request)) return token(request);
    const [, repository = ""] = /^\/v2\/(.+)\/(?:manifests|blobs)\//.exec(request.path) ?? [];
    const [, bearer = ""] = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
    const from = request.query.get("from");
    const needed = [
      scope(repository),
      ...(from === null ? [] : [`repository:${from}:pull`]),
    ];
    const granted = good.get(bearer);
    if (granted && needed.every((one) => granted.includes(one))) {
      return result.more?.(request, n);
    }
    const challenge = `Bearer realm="${registry.url}/token",service="fake",scope="${
      needed.join(" ")
    }"`;
    return { status: 401, headers: { "www-authenticate": challenge } };
  };
  return result;
}
