/** Checks whether a local Ollama server is running and uses the same models folder. */

import { asPullamaError } from "../../core/errors.ts";
import { Deadline } from "../../io/abort.ts";
import type { Http } from "../../registry/http/http.ts";
import { readAtMost } from "../../registry/http/body.ts";
import type { Step } from "./run.ts";

/** In milliseconds: the server is local or nearby. */
const LIMIT = 3000;
const MOST_BYTES = 16 << 10;

export interface ServerOptions {
  /** The value of OLLAMA_HOST. */
  readonly address: string | undefined;
  /** Why the server may use another models folder. */
  readonly elsewhere: readonly { readonly message: string; readonly hint: string }[];
  /** Without a proxy. */
  readonly http: Http;
}

export function serverStep({ address, elsewhere, http }: ServerOptions): Step {
  return {
    name: "server",
    late: "no response from the server",
    remedy: "check what is running there, or set OLLAMA_HOST",
    async check(signal) {
      const url = serverUrl(address);
      const [warning] = elsewhere;
      const status = url === undefined
        ? "OLLAMA_HOST is not a valid address"
        : await statusOf(url, http, signal);
      return {
        found: [status, ...elsewhere.map(({ message }) => message)],
        warning: warning?.hint ??
          (url === undefined ? "use a form like 127.0.0.1:11434" : undefined),
      };
    },
  };
}

/** The server's URL, parsed from OLLAMA_HOST as Ollama does; undefined if it is invalid. */
export function serverUrl(text = ""): URL | undefined {
  const [, scheme = "", authority = ""] = /^\s*["']*(?:(https?):\/\/)?([^/?#"']*)/i.exec(text) ??
    [];
  const usual = { http: "80", https: "443" }[scheme.toLowerCase()] ?? "11434";
  const bare = authority.trim();
  const literal = (bare.match(/:/g) ?? []).length > 1 && !bare.startsWith("[");
  const [, host = "", port = ""] = literal
    ? ["", `[${bare}]`]
    : /^(.*?)(?::(\d{0,5}))?$/.exec(bare) ?? [];
  const url = URL.parse(
    `${scheme || "http"}://${host || "127.0.0.1"}:${port || usual}/api/version`,
  );
  if (!url || url.username || url.password) return undefined;
  // A server can listen on the unspecified address, but a client cannot connect to it.
  if (url.hostname === "0.0.0.0") url.hostname = "127.0.0.1";
  if (url.hostname === "[::]") url.hostname = "[::1]";
  return url;
}

async function statusOf(url: URL, http: Http, caller: AbortSignal): Promise<string> {
  const at = `${url.hostname}:${url.port || (url.protocol === "https:" ? 443 : 80)}`;
  using attempt = new Deadline(caller, LIMIT, `no response from ${at}`);
  try {
    const response = await http.get(url, { signal: attempt.signal });
    const bytes = await readAtMost(response, MOST_BYTES, LIMIT);
    const { version } = Object(JSON.parse(new TextDecoder().decode(bytes)));
    if (typeof version === "string" && /^[\w.+-]{1,40}$/.test(version)) {
      return `Ollama ${version} is running at ${at}`;
    }
  } catch (error) {
    if (caller.aborted) throw caller.reason;
    const { kind } = asPullamaError(error);
    if (["network", "timeout"].includes(kind)) {
      return `not running at ${at} (not needed for a pull)`;
    }
  }
  return `the server at ${at} is not Ollama`;
}
