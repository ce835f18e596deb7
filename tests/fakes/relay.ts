/** Common part of the fake proxies: a server on a loopback port that relays connections. */

import type { Buffer } from "node:buffer";
import * as net from "node:net";
import * as tls from "node:tls";

export interface RelayOptions {
  /** Certificate and key in PEM; enables TLS. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Addresses of hosts by name, optionally with a port; other names are resolved as usual. */
  readonly hosts?: Readonly<Record<string, string>>;
}

export interface Relay extends AsyncDisposable {
  /** "127.0.0.1:PORT" */
  readonly host: string;
  /** Connections accepted so far. */
  readonly connections: number;
}

/** One accepted connection. */
export interface Client {
  readonly socket: net.Socket;
  /** Reads up to and including `end`, or `end` bytes; rejects if the connection ends first. */
  read(end: string | number): Promise<Buffer>;
  /** Connects to "host:port", with the table of hosts; undefined if that fails. */
  reach(target: string): Promise<net.Socket | undefined>;
  /** Relays between this connection and `other` in both directions. */
  join(other: net.Socket): void;
}

/** Starts a server that calls `serve` for each connection, and closes it if that rejects. */
export async function startRelay(
  options: RelayOptions,
  serve: (client: Client) => Promise<void>,
): Promise<Relay> {
  const open = new Set<net.Socket>();
  let connections = 0;
  const track = (socket: net.Socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    // A disconnecting peer is not an error here; "close" follows.
    socket.on("error", () => {});
    return socket;
  };
  const accept = (socket: net.Socket) => {
    connections++;
    serve(clientOn(track(socket), options.hosts ?? {}, track)).catch(() => socket.destroy());
  };
  const server = options.tls
    ? tls.createServer(options.tls, accept).on("connection", track)
    : net.createServer({ noDelay: true }, accept);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      const ended = new Promise<void>((resolve) => server.close(() => resolve()));
      const gone = [...open].map((socket) =>
        new Promise<void>((resolve) => socket.once("close", () => resolve()))
      );
      for (const socket of open) socket.destroy();
      await Promise.all([ended, ...gone]);
    },
  };
}

function clientOn(
  socket: net.Socket,
  hosts: Readonly<Record<string, string>>,
  track: (socket: net.Socket) => net.Socket,
): Client {
  return {
    socket,
    async read(end) {
      for (;;) {
        const bytes: Buffer | null = socket.read();
        if (bytes) {
          const text = bytes.toString("latin1");
          const at = typeof end === "number" ? end : text.indexOf(end) + end.length;
          const whole = typeof end === "number" ? bytes.length >= end : text.includes(end);
          if (whole && bytes.length > at) socket.unshift(bytes.subarray(at));
          if (whole) return bytes.subarray(0, at);
          socket.unshift(bytes);
        }
        await more(socket);
      }
    },
    async reach(target) {
      const { hostname, port } = new URL(`http://${target}`);
      const [host = hostname, ownPort = port] = hosts[hostname]?.split(":") ?? [];
      const other = track(net.connect(Number(ownPort || 80), host));
      return await new Promise((resolve) => {
        other.once("connect", () => resolve(other));
        other.once("close", () => resolve(undefined));
      });
    },
    join(other) {
      socket.pipe(other).pipe(socket);
      socket.once("close", () => other.destroy());
      other.once("close", () => socket.end());
    },
  };
}

async function more(socket: net.Socket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const end = () => reject(new Error("the connection ended"));
  socket.once("readable", resolve).once("end", end).once("close", end);
  try {
    await promise;
  } finally {
    socket.off("readable", resolve).off("end", end).off("close", end);
  }
}
