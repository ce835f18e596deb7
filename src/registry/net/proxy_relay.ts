/**
 * The way to a proxy that wants a password. Deno repeats it inside the tunnel, where the other end reads it:
 * the registry, and every host that it redirects to. So Deno is shown a way in on this machine, with a
 * password that is good for nothing else, and the real one is put in its place on the way to the proxy.
 */

import { basicLogin, type Proxy, withoutBrackets } from "./proxy.ts";

const MAX_HEAD = 16 << 10;
const PIECE = 256 << 10;

export class ProxyRelay implements Disposable {
  /** What is to be used in place of the proxy. */
  readonly entrance: Proxy;
  /** Why the proxy could not be reached the last time; undefined if it could. */
  failure: unknown;
  readonly #proxy: Proxy;
  readonly #listener: Deno.TcpListener;
  readonly #open = new Set<Disposable>();

  /** `proxy` is one for http, with a login. Throws what listening on a port of this machine throws. */
  constructor(proxy: Proxy) {
    this.#proxy = proxy;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    // What nobody waits for keeps no program running.
    this.#listener.unref();
    this.entrance = {
      ...proxy,
      host: "127.0.0.1",
      port: this.#listener.addr.port,
      login: { username: "relay", password: crypto.randomUUID() },
    };
    void this.#accept();
  }

  /** Ends all connections through it. */
  [Symbol.dispose](): void {
    this.#listener.close();
    for (const connection of this.#open) connection[Symbol.dispose]();
  }

  async #accept(): Promise<void> {
    try {
      for await (const client of this.#listener) void this.#serve(client);
    } catch {
      // It was closed while a connection came in.
    }
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    using ends = this.#owning(client);
    try {
      const request = withLogin(await readHead(client), this.entrance, this.#proxy);
      if (request === undefined) return;
      const proxy = await this.#reach();
      ends.add(proxy);
      await writeAll(proxy, request);
      await Promise.race([copy(client, proxy), copy(proxy, client)]);
    } catch {
      // Both ends are told in the same way, by the end of the connection.
    }
  }

  async #reach(): Promise<Deno.TcpConn> {
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

  /** Connections that end together: with this scope, or with the relay. */
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

/** A request with the login of `proxy` instead of that of `entrance`; undefined if it has another one, or none. */
function withLogin(request: string, entrance: Proxy, proxy: Proxy): string | undefined {
  const [known, real] = [basicLogin(entrance), basicLogin(proxy)];
  const [line, login] = /^proxy-authorization: *(.*?)\r?$/im.exec(request) ?? [];
  if (line === undefined || login !== known) return undefined;
  return request.replace(line.trimEnd(), `Proxy-Authorization: ${real}`);
}

/** The head of a request or an answer, or as much of it as there is. */
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

/** Passes on what comes in, until that ends. */
export async function copy(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(PIECE);
  for (let count; (count = await from.read(buffer)) !== null;) {
    await writeAll(to, buffer.subarray(0, count));
  }
}

/** Writes all of it; text in Latin-1. */
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
    // It has ended before.
  }
}
