/**
 * A relay on this machine to a proxy that requires a password. Deno also sends that password inside
 * the tunnel, to the registry and to every host that it redirects to. So Deno is given the relay as
 * its proxy, with a random password of its own, which the relay replaces with the real one.
 */

import { acceptAll } from "../../io/system/accept.ts";
import { systemClock } from "../../io/clock.ts";
import { basicLogin, type Proxy, withoutBrackets } from "./proxy.ts";

const MAX_HEAD = 16 << 10;
const PIECE = 256 << 10;

export class ProxyRelay implements Disposable {
  /** The relay, to be used instead of the proxy. */
  readonly local: Proxy;
  /** Why the last connection to the proxy failed; undefined if it succeeded. */
  failure: unknown;
  readonly #proxy: Proxy;
  readonly #stop = new AbortController();
  readonly #open = new Set<Disposable>();

  /** `proxy` is an http proxy with a login. Throws what `Deno.listen` throws. */
  constructor(proxy: Proxy) {
    this.#proxy = proxy;
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    // The listener must not keep the process running.
    listener.unref();
    this.local = {
      ...proxy,
      host: "127.0.0.1",
      port: listener.addr.port,
      login: { username: "relay", password: crypto.randomUUID() },
    };
    const serve = (client: Deno.TcpConn) => void this.#serve(client);
    void acceptAll(listener, serve, systemClock, this.#stop.signal);
  }

  /** Closes all connections through it. */
  [Symbol.dispose](): void {
    this.#stop.abort();
    for (const connection of this.#open) connection[Symbol.dispose]();
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    using ends = this.#owning(client);
    try {
      const request = withLogin(await readHead(client), this.local, this.#proxy);
      if (request === undefined) return;
      const proxy = await this.#connect();
      ends.add(proxy);
      await writeAll(proxy, request);
      await Promise.race([copy(client, proxy), copy(proxy, client)]);
    } catch {
      // Both ends notice: their connections are closed.
    }
  }

  async #connect(): Promise<Deno.TcpConn> {
    const { host, port } = this.#proxy;
    try {
      const connection = await Deno.connect({ hostname: withoutBrackets(host), port });
      this.failure = undefined;
      return connection;
    } catch (error) {
      this.failure = error;
      throw error;
    }
  }

  /** Connections that are closed together: with this scope, or with the relay. */
  #owning(first: Deno.TcpConn): Disposable & { add(connection: Deno.TcpConn): void } {
    const connections = new Set<Deno.TcpConn>();
    let ended = false;
    const end = () => {
      ended = true;
      this.#open.delete(scope);
      for (const connection of connections) close(connection);
      connections.clear();
    };
    const scope = {
      add(connection: Deno.TcpConn) {
        if (ended) return close(connection);
        connection.setNoDelay();
        connections.add(connection);
      },
      [Symbol.dispose]: end,
    };
    this.#open.add(scope);
    scope.add(first);
    return scope;
  }
}

/** `request` with the login of `proxy`; undefined if it does not have that of `local`. */
function withLogin(request: string, local: Proxy, proxy: Proxy): string | undefined {
  const [expected, real] = [basicLogin(local), basicLogin(proxy)];
  const [line, login] = /^proxy-authorization: *(.*?)\r?$/im.exec(request) ?? [];
  if (line === undefined || login !== expected) return undefined;
  return request.replace(line.trimEnd(), `Proxy-Authorization: ${real}`);
}

/** The head of a request or a response, or as much of it as arrives. */
export async function readHead(connection: Deno.TcpConn): Promise<string> {
  const buffer = new Uint8Array(MAX_HEAD);
  let text = "";
  while (!text.includes("\r\n\r\n") && text.length < MAX_HEAD) {
    const count = await connection.read(buffer);
    if (count === null) break;
    text += String.fromCharCode(...buffer.subarray(0, count));
  }
  return text;
}

/** Copies all data until the end of `from`. */
export async function copy(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(PIECE);
  for (let count; (count = await from.read(buffer)) !== null;) {
    await writeAll(to, buffer.subarray(0, count));
  }
}

/** Writes all of `data`; text is encoded as Latin-1. */
export async function writeAll(to: Deno.TcpConn, data: Uint8Array | string): Promise<void> {
  const bytes = typeof data === "string"
    ? Uint8Array.from(data, (letter) => letter.charCodeAt(0))
    : data;
  for (let done = 0; done < bytes.length;) done += await to.write(bytes.subarray(done));
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // Already closed.
  }
}
