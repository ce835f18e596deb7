/** The one HTTP client of a registry: GET, headers in time, no redirect followed, no answer judged. */

import { PullamaError } from "../core/errors.ts";
import { endedBeforeAnswer, networkFailure } from "./failure.ts";

/** How long an answer may take, in milliseconds; longer once the host has answered in this run. */
const FIRST_ANSWER_MS = 30_000;
const LATER_ANSWER_MS = 60_000;

/** A request that was answered. `url` has no query, no user and no fragment. */
export interface RequestNote {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly elapsedMs: number;
}

export interface HttpOptions {
  readonly userAgent: string;
  /** Certificates in PEM to trust besides the built-in ones. */
  readonly caCerts?: readonly string[];
  readonly onRequest?: (note: RequestNote) => void;
  /** Milliseconds until the headers, in place of the usual 30 s (60 s for a host that has answered). */
  readonly headerTimeoutMs?: number;
}

export interface GetOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends the request and its body. It is listened to as long as it lives: give each attempt its own. */
  readonly signal: AbortSignal;
}

/**
 * HTTP/1.1 only: over HTTP/2 parallel ranges would share one connection. Connections are kept for the
 * next request. All of them are given up after a silence, since after a change of network the kept ones
 * stay dead for minutes.
 */
export class Http implements Disposable {
  readonly #options: HttpOptions;
  readonly #answered = new Set<string>();
  #client: Deno.HttpClient;
  #closed = false;

  constructor(options: HttpOptions) {
    this.#options = options;
    this.#client = this.#connect();
  }

  /**
   * The answer, whatever its status; its body must be read or cancelled. Throws what `networkFailure`
   * makes of the failure, `timeout` when the headers do not come in time, or the signal's reason.
   */
  async get(url: URL, options: GetOptions): Promise<Response> {
    const hasAnswered = this.#answered.has(url.host);
    try {
      return await this.#attempt(url, options);
    } catch (error) {
      const again = hasAnswered && endedBeforeAnswer(error) && !options.signal.aborted;
      if (!again) throw networkFailure(error, url.host, "head");
    }
    try {
      return await this.#attempt(url, options);
    } catch (error) {
      throw networkFailure(error, url.host, "head");
    }
  }

  /** Gives up kept connections. Bodies that are being read go on. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#client.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #attempt(url: URL, { headers, signal }: GetOptions): Promise<Response> {
    signal.throwIfAborted();
    const client = this.#client;
    const request = new AbortController();
    const stop = (reason: unknown) => {
      if (reason instanceof PullamaError && reason.kind === "timeout") this.#replace(client);
      request.abort(reason);
    };
    const answers = new Set<Response>();
    const relay = () => {
      stop(signal.reason);
      // Kept until here: once a response is collected as garbage, nobody ends the reading of its body.
      answers.clear();
    };
    signal.addEventListener("abort", relay, { once: true });
    const limit = this.#headerTimeout(url.host);
    const timer = setTimeout(() => stop(noAnswer(url.host, limit)), limit);
    const started = performance.now();
    try {
      const response = await fetch(url, {
        client,
        headers: {
          "user-agent": this.#options.userAgent,
          // Anything else may come compressed: then ranges would count other bytes.
          "accept-encoding": "identity",
          ...headers,
        },
        redirect: "manual",
        signal: request.signal,
      });
      answers.add(response);
      this.#answered.add(url.host);
      this.#options.onRequest?.({
        method: "GET",
        url: `${url.origin}${url.pathname}`,
        status: response.status,
        elapsedMs: performance.now() - started,
      });
      return response;
    } catch (error) {
      signal.removeEventListener("abort", relay);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #headerTimeout(host: string): number {
    const usual = this.#answered.has(host) ? LATER_ANSWER_MS : FIRST_ANSWER_MS;
    return this.#options.headerTimeoutMs ?? usual;
  }

  #connect(): Deno.HttpClient {
    const { caCerts } = this.#options;
    return Deno.createHttpClient({ http2: false, ...(caCerts && { caCerts: [...caCerts] }) });
  }

  /** Several requests on one client may fall silent together: it is replaced once. */
  #replace(silent: Deno.HttpClient): void {
    if (this.#closed || this.#client !== silent) return;
    this.#client = this.#connect();
    silent.close();
  }
}

/** Lets a body go that nobody wants. A failure of it is of no interest either. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {});
}

function noAnswer(host: string, limit: number): PullamaError {
  return new PullamaError("timeout", `no answer from ${host} within ${limit / 1000} s`, {
    hint: "check the network connection, and the proxy if there is one",
  });
}
