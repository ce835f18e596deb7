/** A server of things in memory. */

import { digestOf } from "../../src/core/digest.ts";
import type { ServedRequest } from "../../src/core/reports/serve.ts";
import { systemClock } from "../../src/io/clock.ts";
import { steadyPace } from "../../src/io/limit.ts";
import { serve, type ServerOptions } from "../../src/serve/server.ts";
import type { ServedBlob, Shelf } from "../../src/serve/shelf.ts";

export const BLOB = "/v2/library/m/blobs/" + digestOf("a".repeat(64));

export const nothing: Shelf = {
  manifest: () => Promise.resolve(undefined),
  blob: () => Promise.resolve(undefined),
  repositories: () => Promise.resolve([]),
  tags: () => Promise.resolve(undefined),
};

export function running(
  changes: Partial<ServerOptions> & { readonly wrap?: typeof asItIs } = {},
) {
  const { wrap = asItIs, ...options } = changes;
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const stop = new AbortController();
  const slept: number[] = [];
  const requests: ServedRequest[] = [];
  const ended = serve({
    listener: wrap(listener),
    shelf: nothing,
    list: false,
    hosts: [],
    maxClients: 64,
    pace: steadyPace(undefined),
    clock: {
      ...systemClock,
      sleep(ms, signal) {
        slept.push(ms);
        return systemClock.sleep(ms, signal);
      },
    },
    onRequest: (request) => requests.push(request),
    ...options,
  }, stop.signal);
  return {
    port,
    slept,
    requests,
    stop: () => stop.abort(),
    ended,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await ended;
    },
  };
}

function asItIs(listener: Deno.TcpListener): Deno.TcpListener {
  return listener;
}

/** The listener with another `accept`, which gets the real one. */
export function accepting(accept: (real: () => Promise<Deno.TcpConn>) => Promise<Deno.TcpConn>) {
  return (listener: Deno.TcpListener) =>
    Object.assign(Object.create(listener) as Deno.TcpListener, {
      close: () => listener.close(),
      accept: () => accept(() => listener.accept()),
    });
}

/** The connection as one of another machine. */
export function from(hostname: string, conn: Deno.TcpConn): Deno.TcpConn {
  return new Proxy(conn, {
    get(target, key) {
      if (key === "remoteAddr") return { ...target.remoteAddr, hostname };
      const value = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** A blob whose content never comes. */
export function endless(onDispose: () => void): ServedBlob {
  return {
    size: 1000,
    ready: () => Promise.resolve(true),
    begin() {},
    read: () => new Promise<number>(() => {}),
    [Symbol.dispose]: onDispose,
  };
}

/** The connection, where writing the content of a blob waits for the result of `waits`. */
export function holdingContent(waits: () => Promise<void>, conn: Deno.TcpConn): Deno.TcpConn {
  let isHead = true;
  const write = async (bytes: Uint8Array) => {
    if (!isHead) await waits();
    isHead = false;
    return await conn.write(bytes);
  };
  return new Proxy(conn, {
    get(target, key) {
      if (key === "write") return write;
      const value = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** A blob of 1000 bytes. */
export function short(): ServedBlob {
  return { ...endless(() => {}), read: (buffer) => Promise.resolve(buffer.length) };
}
