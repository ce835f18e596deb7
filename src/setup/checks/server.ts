/** The Ollama server of this machine: whether it is there, and whether it looks in another folder. */

import { asPullamaError } from "../../core/errors.ts";
import { Deadline } from "../../io/deadline.ts";
import type { Http } from "../../registry/http/http.ts";
import { readAtMost } from "../../registry/http/body.ts";
import type { Step } from "./run.ts";

/** Milliseconds: it is on this machine or near it. */
const LIMIT = 3000;
const MOST_BYTES = 16 << 10;

export interface ServerOptions {
  /** As OLLAMA_HOST says it. */
  readonly address: string | undefined;
  /** Why it may look for models in another folder. */
  readonly elsewhere: readonly { readonly message: string; readonly hint: string }[];
  /** Goes through no proxy. */
  readonly http: Http;
}

export function serverStep({ address, elsewhere, http }: ServerOptions): Step {
  return {
    name: "server",
    late: "the server has not answered",
    remedy: "look at what answers there, or set OLLAMA_HOST",
    async check(signal) {
      const url = serverUrl(address);
      const [warning] = elsewhere;
      const answer = url === undefined
        ? "OLLAMA_HOST names no server"
        : await answerOf(url, http, signal);
      return {
        found: [answer, ...elsewhere.map(({ message }) => message)],
        warning: warning?.hint ?? (url === undefined ? "write it like 127.0.0.1:11434" : undefined),
      };
    },
  };
}

/** Where the server is, as Ollama reads OLLAMA_HOST; undefined where that can be no address. */
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
  // A server listens there; somebody who asks needs one address.
  if (url.hostname === "0.0.0.0") url.hostname = "127.0.0.1";
  if (url.hostname === "[::]") url.hostname = "[::1]";
  return url;
}

async function answerOf(url: URL, http: Http, caller: AbortSignal): Promise<string> {
  const at = `${url.hostname}:${url.port || (url.protocol === "https:" ? 443 : 80)}`;
  using attempt = new Deadline(caller, LIMIT, `${at} has not answered`);
  try {
    const response = await http.get(url, { signal: attempt.signal });
    const bytes = await readAtMost(response, MOST_BYTES, LIMIT);
    const { version } = Object(JSON.parse(new TextDecoder().decode(bytes)));
    if (typeof version === "string" && /^[\w.+-]{1,40}$/.test(version)) {
      return `Ollama ${version} answers at ${at}`;
    }
  } catch (error) {
    if (caller.aborted) throw caller.reason;
    const { kind } = asPullamaError(error);
    if (["network", "timeout"].includes(kind)) {
      return `none answers at ${at}, and a pull needs none`;
    }
  }
  return `what answers at ${at} is no Ollama server`;
}
