/**
 * A static HTTP/1.1 server on loopback with faults for each TCP connection, as its own process:
 *
 *     deno run -A bench/faulty_server.ts --root FOLDER --faults '{"each": 1e7, "atOnce": 6}'
 *
 * It writes "listening on 127.0.0.1:PORT" to stderr. `GET /counts` returns `Counts` as JSON and is
 * not counted itself. For the faults see faults.ts.
 */

import { parseArgs } from "node:util";
import { type Pacer, pacer } from "../tests/fakes/pace.ts";
import { bytesLeft, type ConnectionState, type Faults, LARGE, rateOf } from "./faults.ts";
import { otherNameOf, REDIRECTED, REPOSITORY } from "./model.ts";
import { closedByClient, type Request, requestsOf } from "./requests.ts";

export interface Counts {
  /** Bytes of bodies that were given to the kernel. */
  readonly sent: number;
  readonly requests: number;
  /** Requests that were answered with 429. */
  readonly refused: number;
  /** The largest number of requests at a time. */
  readonly most: number;
  /** TCP connections on which a large file was asked for. */
  readonly connections: number;
}

/** Bytes of one write: large enough for 300 MB/s, and at most 20 ms of a connection's rate. */
const PIECE = 256 << 10;
const SMALLEST_PIECE = 4 << 10;
const PIECES_PER_SECOND = 50;

const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";

/** One server; `serve` responds on a connection until that ends. */
class FaultyServer {
  readonly counts = { sent: 0, requests: 0, refused: 0, most: 0, connections: 0 };
  private active = 0;
  private readonly total: Pacer | undefined;

  constructor(
    private readonly root: string,
    private readonly faults: Faults,
    private readonly host: string,
  ) {
    this.total = faults.total ? pacer(faults.total) : undefined;
  }

  async serve(socket: Deno.Conn): Promise<void> {
    const connection = new Connection(socket, this.faults, this.total, this.counts);
    try {
      for await (const request of requestsOf(socket)) await this.respond(connection, request);
    } catch {
      // The client is gone, which is no matter of the server.
    } finally {
      socket.close();
    }
  }

  private async respond(connection: Connection, request: Request): Promise<void> {
    if (request.path === "/counts") {
      const body = new TextEncoder().encode(JSON.stringify(this.counts));
      await connection.write(head(200, { "Content-Length": body.length }));
      await connection.write(body);
      return;
    }
    const { counts, faults } = this;
    const redirected = `/v2/${REDIRECTED}/blobs/`;
    if (request.path.startsWith(redirected)) {
      const path = `/v2/${REPOSITORY}/blobs/${request.path.slice(redirected.length)}`;
      const location = `http://${otherNameOf(this.host)}${path}`;
      await connection.write(head(307, { "Content-Length": 0, "Location": location }));
      return;
    }
    counts.requests++;
    counts.most = Math.max(counts.most, ++this.active);
    try {
      if (this.active > (faults.atOnce ?? Infinity)) {
        counts.refused++;
        await connection.write(head(429, { "Content-Length": 0 }));
      } else {
        await this.sendFile(connection, request);
      }
    } finally {
      this.active--;
    }
  }

  private async sendFile(connection: Connection, { method, path, range }: Request): Promise<void> {
    using file = path.includes("..") ? undefined : opened(`${this.root}${path}`);
    if (!file || (method !== "GET" && method !== "HEAD")) {
      return await connection.write(head(404, { "Content-Length": 0 }));
    }
    const { size } = file.statSync();
    if (size > LARGE && connection.state.number === 0) {
      connection.state.number = ++this.counts.connections;
    }
    const part = this.faults.whole ? undefined : range;
    const start = part?.first ?? 0;
    const end = Math.min(part?.last ?? Infinity, size - 1) + 1;
    if (part && start >= end) {
      return await connection.write(
        head(416, { "Content-Length": 0, "Content-Range": `bytes */${size}` }),
      );
    }
    await connection.write(head(part ? 206 : 200, {
      "Content-Length": end - start,
      "Content-Type": path.includes("/manifests/") ? DOCKER_MANIFEST : "application/octet-stream",
      ...(this.faults.whole ? {} : { "Accept-Ranges": "bytes" }),
      ...(part ? { "Content-Range": `bytes ${start}-${end - 1}/${size}` } : {}),
    }));
    if (method === "GET") await connection.send(file, start, end);
  }
}

/** Sends on one TCP connection at the rate that its faults leave it. */
class Connection {
  readonly state: ConnectionState = { number: 0, sent: 0 };
  private readonly piece = new Uint8Array(PIECE);
  private rate: number | undefined;
  private own: Pacer | undefined;

  constructor(
    private readonly socket: Deno.Conn,
    private readonly faults: Faults,
    private readonly total: Pacer | undefined,
    private readonly counts: { sent: number },
  ) {}

  /** Sends the bytes of `file` from `start` up to `end`. */
  async send(file: Deno.FsFile, start: number, end: number): Promise<void> {
    file.seekSync(start, Deno.SeekMode.Start);
    for (let at = start; at < end;) {
      const allowed = bytesLeft(this.faults, this.state);
      if (allowed === 0) return await closedByClient(this.socket);
      this.keepRate();
      const most = Math.min(pieceOf(this.rate), allowed, end - at);
      const count = file.readSync(this.piece.subarray(0, most)) ?? 0;
      if (count === 0) throw new Error("file is shorter than before");
      await pause(this.own?.take(count));
      await pause(this.total?.take(count));
      await this.write(this.piece.subarray(0, count));
      at += count;
      this.state.sent += count;
      this.counts.sent += count;
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      done += await this.socket.write(bytes.subarray(done));
    }
  }

  private keepRate(): void {
    const rate = rateOf(this.faults, this.state);
    if (rate === this.rate) return;
    this.rate = rate;
    this.own = rate === undefined ? undefined : pacer(rate);
  }
}

function pieceOf(rate: number | undefined): number {
  if (rate === undefined) return PIECE;
  return Math.min(PIECE, Math.max(SMALLEST_PIECE, Math.floor(rate / PIECES_PER_SECOND)));
}

/** Waits `ms` milliseconds; not at all if nothing is ahead of the schedule. */
async function pause(ms: number | undefined): Promise<void> {
  if (ms !== undefined && ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}

function opened(path: string): Deno.FsFile | undefined {
  try {
    return Deno.statSync(path).isFile ? Deno.openSync(path) : undefined;
  } catch {
    return undefined;
  }
}

function head(status: number, headers: Readonly<Record<string, string | number>>): Uint8Array {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return new TextEncoder().encode(`HTTP/1.1 ${status} Status\r\n${lines.join("")}\r\n`);
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      root: { type: "string" },
      faults: { type: "string", default: "{}" },
      port: { type: "string", default: "0" },
    },
  });
  if (values.root === undefined) throw new Error("missing --root");
  const listener = Deno.listen({ hostname: "127.0.0.1", port: Number(values.port) });
  const host = `127.0.0.1:${listener.addr.port}`;
  const server = new FaultyServer(values.root, JSON.parse(values.faults), host);
  console.error(`listening on ${host}`);
  for await (const socket of listener) {
    socket.setNoDelay(true);
    void server.serve(socket);
  }
}
