/**
 * An HTTP proxy on a loopback port, for CONNECT and plain requests, with optional authentication.
 */

import { Buffer } from "node:buffer";
import { type Relay, type RelayOptions, startRelay } from "./relay.ts";

export interface ProxyOptions extends RelayOptions {
  /** Required credentials; default none. */
  readonly login?: { readonly username: string; readonly password: string };
  /** Status and reason phrase of every response, instead of handling the request. */
  readonly refusal?: string;
}

export interface ProxyRequest {
  readonly method: string;
  /** "host:port" for CONNECT, otherwise a URL. */
  readonly target: string;
  readonly headers: Headers;
}

export interface Proxy extends Relay {
  /** All requests, in order. */
  readonly requests: readonly ProxyRequest[];
}

export async function startProxy(options: ProxyOptions = {}): Promise<Proxy> {
  const requests: ProxyRequest[] = [];
  const { login, refusal } = options;
  const expected = login &&
    `Basic ${Buffer.from(`${login.username}:${login.password}`).toString("base64")}`;
  const relay = await startRelay(options, async (client) => {
    const head = (await client.read("\r\n\r\n")).toString("latin1").trimEnd();
    const [first = "", ...lines] = head.split("\r\n");
    const [method = "", target = ""] = first.split(" ");
    const headers = new Headers(
      lines.map((line): [string, string] => {
        const [name = "", ...value] = line.split(":");
        return [name, value.join(":").trim()];
      }),
    );
    requests.push({ method, target, headers });
    const answer = (status: string, field = "") =>
      client.socket.end(`HTTP/1.1 ${status}\r\n${field}content-length: 0\r\n\r\n`);
    if (refusal !== undefined) return void answer(refusal);
    if (expected !== undefined && headers.get("proxy-authorization") !== expected) {
      const challenge = 'proxy-authenticate: Basic realm="fake"\r\n';
      return void answer("407 Proxy Authentication Required", challenge);
    }
    const url = method === "CONNECT" ? undefined : new URL(target);
    const other = await client.reach(url?.host ?? target);
    if (!other) return void answer("502 Bad Gateway");
    if (url) {
      const kept = lines.filter((line) => !/^(proxy-|connection:)/i.test(line));
      const request = [`${method} ${url.pathname}${url.search} HTTP/1.1`, ...kept];
      other.write(`${request.join("\r\n")}\r\nconnection: close\r\n\r\n`);
    } else {
      client.socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    }
    client.join(other);
  });
  return Object.assign(relay, { requests });
}
