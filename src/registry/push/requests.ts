/** Requests to the registry that is pushed to: where it may send them, and with which login. */

import type { PullamaError } from "../../core/errors.ts";
import type { ModelName } from "../../core/name.ts";
import { type EndpointOf, endpointsAt } from "../api/endpoint.ts";
import { hiding, once } from "../api/observing.ts";
import { AuthorizedHttp } from "../auth/auth.ts";
import type { Identity } from "../auth/credential.ts";
import { Secrets } from "../auth/redact.ts";
import { errorText } from "../http/error_body.ts";
import { Http, type HttpOptions, type Method } from "../http/http.ts";
import { type FinalResponse, RedirectingHttp, target } from "../http/redirects.ts";
import type { SentBody } from "../http/sent_body.ts";
import { type Refusal, refusalOf } from "./refusal.ts";
import { addressesOf, type Lookup, lookupBeside } from "../net/dns.ts";

export interface TargetOptions extends HttpOptions {
  /** Scheme, host and path that all repositories are below. */
  readonly url: URL;
  /** Credentials; default none. */
  readonly identity?: Identity;
  /** Called once for a key that turned out not to be required, and cannot be used. */
  readonly onWarning?: (message: string, hint: string) => void;
  /** Resolves hosts that the registry sends us to; default the system's, or none behind a proxy. */
  readonly lookup?: Lookup;
  /** Milliseconds from the last byte of an upload to the response: a registry may hash or copy all of it. */
  readonly finishMs: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

export interface PushRequest {
  readonly method: Method;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: SentBody;
  /** A repository that a blob is mounted from. */
  readonly from?: string | undefined;
  readonly signal: AbortSignal;
}

export class Requests implements Disposable {
  readonly #secrets = new Secrets();
  readonly #endpointOf: EndpointOf;
  readonly #http: Http;
  readonly #redirecting: RedirectingHttp;
  readonly #authorized: AuthorizedHttp;
  readonly #finishMs: number;
  readonly #now: () => number;

  constructor(options: TargetOptions) {
    const { url, identity = {}, onWarning, onRequest, now = Date.now } = options;
    const insecure = url.protocol === "http:";
    const scheme = insecure ? "http" : "https";
    const { lookup = lookupBeside(options.proxyFor, scheme, addressesOf) } = options;
    const secrets = this.#secrets;
    const http = new Http(
      options,
      undefined,
      (note) => onRequest?.({ ...note, url: secrets.hide(note.url) }),
    );
    this.#endpointOf = endpointsAt(url, true);
    this.#http = http;
    this.#finishMs = options.finishMs;
    this.#now = now;
    this.#redirecting = new RedirectingHttp(http, { insecure, lookup });
    const login = {
      http,
      secrets,
      identity,
      lookup,
      now,
      onWarning: once(new Set(), onWarning),
    };
    this.#authorized = new AuthorizedHttp(this.#redirecting, login);
  }

  repository(name: ModelName): string {
    return this.#endpointOf(name).repository;
  }

  place(name: ModelName): string {
    const { origin, repository } = this.#endpointOf(name);
    return `${origin}/${repository}`;
  }

  /** The URL of `path` of a model, without a query. */
  url(name: ModelName, path: string): URL {
    const { origin, repository } = this.#endpointOf(name);
    return new URL(`${origin}/v2/${repository}/${path}`);
  }

  /** The response, whatever its status; its body must be read or cancelled. Throws what `AuthorizedHttp.send` throws. */
  send(name: ModelName, url: URL, request: PushRequest): Promise<FinalResponse> {
    const { origin: home, repository } = this.#endpointOf(name);
    const { method, headers = {}, body, from, signal } = request;
    return hiding(
      this.#secrets,
      this.#authorized.send({
        repository,
        from: url,
        home,
        method,
        body,
        headers,
        push: { from },
        // After the last byte the registry puts the blob together, or stores the manifest.
        ...(method === "PUT" && { headerMs: this.#finishMs }),
        signal,
      }),
    );
  }

  /**
   * Where an upload continues, by the Location of a response, or `known` where it has none. Rejects with `redirect` where
   * bytes must not be sent: to another server without https, or in a network that the registry is not in.
   */
  async location(
    name: ModelName,
    { response, url }: FinalResponse,
    known: string | undefined,
    signal: AbortSignal,
  ): Promise<string> {
    const given = response.headers.get("location");
    if (given === null && known !== undefined) return known;
    const next = target(url, given);
    const { origin: registry } = this.#endpointOf(name);
    await this.#redirecting.checkTarget(url, next, { method: "PATCH", registry, signal });
    return next.href;
  }

  /** The reason in an error response, with our secrets replaced. */
  reason(response: Response): Promise<string> {
    return errorText(response, (text) => this.#secrets.hide(text));
  }

  /** The error for a response that is not a success; `what` was sent, or begun. */
  async refusal(name: ModelName, final: FinalResponse, what: string): Promise<PullamaError> {
    return refusalOf(await this.refused(name, final, what));
  }

  async refused(name: ModelName, final: FinalResponse, what: string): Promise<Refusal> {
    const text = await this.reason(final.response);
    return { final, text, what, repository: this.repository(name), now: this.#now() };
  }

  [Symbol.dispose](): void {
    this.#http.close();
  }
}

/** A body of bytes in memory. */
export function sentBytes(bytes: Uint8Array): SentBody {
  return {
    length: bytes.length,
    open: () =>
      new ReadableStream({
        start(controller) {
          if (bytes.length > 0) controller.enqueue(bytes.slice());
          controller.close();
        },
      }),
  };
}
