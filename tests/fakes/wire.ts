/** An HTTP/1.1 server on a loopback port that counts the bytes sent and can inject faults. */

import * as net from "node:net";
import * as tls from "node:tls";
import type { Range } from "../../src/core/ranges.ts";
import { Connection } from "./connection.ts";
import type { Content } from "./content.ts";
import type { Fault } from "./faults.ts";
import { type Host, listenAsRegistry, listenOnPort } from "./listen.ts";
import { type Pacer, pacer } from "./pace.ts";

/** How an exchange ended: everything was sent, the client disconnected, or a fault ended it. */
export type Ending = "sent" | "gone" | "broken";

/** One request and its outcome; `status` and `sent` change during the response. */
export interface LoggedRequest {
  readonly server: "registry" | "blobs";
  /** That of the server. */
  readonly host: Host;
  /** Number of the connection, from 1 for each server. */
  readonly connection: number;
  readonly method: string;
  /** Path and query as received. */
  readonly target: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  /** The requested range, if any; `end` is Infinity for an open range. */
  readonly range: Range | undefined;
  status: number | undefined;
  /** Body bytes that were written to the socket. */
  sent: number;
  readonly over: Promise<Ending>;
  /** Resolves when the connection has ended. */
  readonly closed: Promise<void>;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly content: Content;
  /** The part of the content to send. */
  readonly range: Range;
  readonly fault: Fault;
}

export interface ServerOptions {
  readonly server: "registry" | "blobs";
  readonly answer: (request: LoggedRequest) => Promise<Reply>;
  readonly log: LoggedRequest[];
  /** Total rate of all connections. */
  readonly bytesPerSecond?: number | undefined;
  /** Rate of each connection. */
  readonly connectionBytesPerSecond?: number | undefined;
  /** Certificate and key in PEM; enables TLS. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  readonly port?: number | undefined;
  readonly onPort?: boolean | undefined;
}

export interface Server {
  readonly host: Host;
  /** Connections accepted so far. */
  readonly connections: number;
  /** Open connections. */
  readonly open: number;
  /** Ends all connections and the server; resolves when everything has ended. */
  close(): Promise<void>;
}

/** Starts a server on a loopback port. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const shared = options.bytesPerSecond ? pacer(options.bytesPerSecond) : undefined;
  const running = new Map<Connection, Promise<void>>();
  let accepted = 0;

  const accept = (socket: net.Socket) => {
    accepted++;
    const connection = new Connection(socket, accepted);
    const own = options.connectionBytesPerSecond;
    const pacers = [shared, own ? pacer(own) : undefined].filter((p) => p !== undefined);
    const done = converse(connection, host, pacers, options)
      .finally(() => running.delete(connection));
    running.set(connection, done);
  };
  const listener = options.tls
    ? tls.createServer(options.tls, accept)
    : net.createServer({ noDelay: true }, accept);
  // Those of TLS before their handshake is over, too.
  const sockets = new Set<net.Socket>();
  listener.on("connection", (socket: net.Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  // The certificates are for 127.0.0.1, and only a registry's address becomes a folder.
  const host = options.server === "registry" && !options.tls && !options.port && !options.onPort
    ? await listenAsRegistry(listener)
    : await listenOnPort(listener, options.port);

  return {
    host,
    get connections() {
      return accepted;
    },
    get open() {
      return running.size;
    },
    async close() {
      const ended = new Promise<void>((resolve) => listener.close(() => resolve()));
      for (const connection of running.keys()) connection.end("reset");
      if (options.tls) { for (const socket of sockets) socket.destroy(); }
      await Promise.all(running.values());
      await ended;
    },
  };
}

/** Responds to the requests of one connection, one after the other, until it ends. */
async function converse(
  connection: Connection,
  host: string,
  pacers: readonly Pacer[],
  options: ServerOptions,
): Promise<void> {
  for (;;) {
    const head = await connection.readHead();
    if (head === undefined) break;
    const over = Promise.withResolvers<Ending>();
    const request = parse(head, over.promise, connection, host, options.server);
    options.log.push(request);
    const ending = await send(connection, request, await options.answer(request), pacers);
    over.resolve(ending);
    if (ending !== "sent") break;
  }
  connection.end("close");
  await connection.closed;
}

function parse(
  head: string,
  over: Promise<Ending>,
  connection: Connection,
  host: string,
  server: "registry" | "blobs",
): LoggedRequest {
  const [first = "", ...lines] = head.split("\r\n");
  const [method = "", target = ""] = first.split(" ");
  const url = new URL(target, `http://${host}`);
  const headers = new Headers();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.append(line.slice(0, colon).trim(), line.slice(colon + 1).trim());
  }
  return {
    server,
    host,
    connection: connection.id,
    method,
    target,
    path: url.pathname,
    query: url.searchParams,
    headers,
    range: rangeOf(headers.get("range")),
    status: undefined,
    sent: 0,
    over,
    closed: connection.closed,
  };
}

function rangeOf(header: string | null): Range | undefined {
  const match = /^bytes=(\d+)-(\d*)$/.exec(header ?? "");
  if (!match) return undefined;
  return { start: Number(match[1]), end: match[2] === "" ? Infinity : Number(match[2]) + 1 };
}

async function send(
  connection: Connection,
  request: LoggedRequest,
  reply: Reply,
  serverPacers: readonly Pacer[],
): Promise<Ending> {
  const { fault } = reply;
  const pacers = fault.bytesPerSecond
    ? [...serverPacers, pacer(fault.bytesPerSecond)]
    : serverPacers;
  if (fault.delayMs) await connection.pause(fault.delayMs);
  if (fault.hangUp) {
    connection.end(fault.hangUp);
    return "broken";
  }
  if (!connection.isOpen) return "gone";

  request.status = reply.status;
  if (fault.raw) {
    await fault.raw((data) => {
      const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
      request.sent += bytes.length;
      return connection.write(bytes, pacers);
    });
    await connection.drained();
    return "broken";
  }
  const headers: Record<string, string | undefined> = {
    "content-length": String(reply.range.end - reply.range.start),
    ...reply.headers,
    ...(fault.chunked ? { "content-length": undefined, "transfer-encoding": "chunked" } : {}),
    ...fault.headers,
  };
  const unmeasured = headers["content-length"] === undefined && !fault.chunked;
  const odd = request.method !== "GET" && request.method !== "HEAD";
  if (unmeasured || odd || request.headers.get("connection") === "close") {
    headers["connection"] = "close";
  }
  let head = `HTTP/1.1 ${reply.status} ${reply.status < 400 ? "OK" : "Not OK"}\r\n`;
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) head += `${name}: ${value}\r\n`;
  }
  if (fault.endlessHeaders) {
    await connection.write(new TextEncoder().encode(head));
    const line = new TextEncoder().encode(`x-more: ${"m".repeat(500)}\r\n`);
    while (await connection.write(line, pacers)) continue;
    return "broken";
  }
  if (!await connection.write(new TextEncoder().encode(`${head}\r\n`))) return "gone";
  const ending = request.method === "HEAD"
    ? "sent"
    : await sendBody(connection, request, reply, pacers);
  if (ending === "sent" && headers["connection"] === "close") connection.end("close");
  return ending;
}

async function sendBody(
  connection: Connection,
  request: LoggedRequest,
  reply: Reply,
  pacers: readonly Pacer[],
): Promise<Ending> {
  const { content, fault } = reply;
  const piece = Math.min(256 << 10, ...pacers.map((p) => p.piece));
  const honest = reply.range.end - reply.range.start;
  const length = honest + (fault.extraBytes ?? 0);
  const until = Math.min(length, fault.end?.after ?? length);
  for (let done = 0; done < until;) {
    const at = reply.range.start + done;
    const count = Math.min(piece, (done < honest ? honest : until) - done, until - done);
    const bytes = done < honest ? flipped(content.read(at, count), at, fault.flipAt) : zeros(count);
    if (!await connection.write(fault.chunked ? framed(bytes) : bytes, pacers)) return "gone";
    request.sent += count;
    done += count;
  }
  if (fault.end) {
    if (fault.end.how === "stall") await connection.closed;
    else await connection.drained();
    connection.end(fault.end.how === "reset" ? "reset" : "close");
    return "broken";
  }
  if (fault.chunked) await connection.write(new TextEncoder().encode("0\r\n\r\n"));
  return "sent";
}

function zeros(count: number): Uint8Array {
  return new Uint8Array(count);
}

function flipped(bytes: Uint8Array, at: number, flipAt: number | undefined): Uint8Array {
  const k = (flipAt ?? -1) - at;
  if (k < 0 || k >= bytes.length) return bytes;
  const copy = bytes.slice();
  copy[k]! ^= 1;
  return copy;
}

function framed(bytes: Uint8Array): Uint8Array {
  const head = new TextEncoder().encode(`${bytes.length.toString(16)}\r\n`);
  const out = new Uint8Array(head.length + bytes.length + 2);
  out.set(head);
  out.set(bytes, head.length);
  out.set([13, 10], head.length + bytes.length);
  return out;
}
