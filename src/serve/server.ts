/**
 * An HTTP/1.1 server for content of any size, on connections of its own: `Deno.serve` has no time limit for a head or for
 * idle connections, does not tell how many there are, and ends for good where no more files can be opened.
 */

import type { ServedRequest, ServerEnd } from "../core/reports/serve.ts";
import { settledWithin } from "../io/abort.ts";
import { acceptAll } from "../io/system/accept.ts";
import type { Clock } from "../io/clock.ts";
import { type Pace, RateLimit } from "../io/limit.ts";
import { type Answer, answerTo, unreadable } from "./answer.ts";
import { Connection } from "./connection.ts";
import { canonicalHost } from "./host_name.ts";
import { Admission } from "./limits.ts";
import type { Request } from "./request.ts";
import { refusedConnection } from "./response.ts";
import type { Shelf } from "./shelf.ts";

export interface ServerOptions {
  readonly listener: Deno.TcpListener;
  readonly shelf: Shelf;
  /** Whether names may be listed. */
  readonly list: boolean;
  /** Names and addresses of this server, besides the address that a connection is made to. */
  readonly hosts: readonly string[];
  /** Requests that are answered at a time. */
  readonly maxClients: number;
  /** Over all clients. */
  readonly pace: Pace;
  readonly clock: Clock;
  readonly onRequest: (request: ServedRequest) => void;
}

/** Milliseconds between two looks for connections that are too slow. */
const LOOK_MS = 500;
/** Milliseconds that answers have to end once the server is stopped. */
const GRACE_MS = 3_000;
/** Milliseconds for the connections to notice that they are closed. */
const CLOSED_MS = 1_000;
/** Milliseconds for a client to read that its connection is refused, and for how many clients at a time. */
const REFUSED_MS = 1_000;
const MOST_REFUSED = 64;

/** Answers requests until `signal` is aborted: then it ends what is being sent within seconds, and resolves. */
export async function serve(options: ServerOptions, signal: AbortSignal): Promise<ServerEnd> {
  return await new Server(options, signal).run();
}

/** A connection that was accepted. */
interface Taken {
  readonly place: Disposable;
  /** Never rejects. */
  readonly ended: Promise<void>;
}

class Server {
  readonly #open = new Map<Connection, Taken>();
  readonly #admission: Admission;
  readonly #limit: RateLimit;
  readonly #hosts: ReadonlySet<string>;
  #requests = 0;
  #bytes = 0;
  #refusing = 0;

  constructor(private readonly options: ServerOptions, private readonly signal: AbortSignal) {
    this.#admission = new Admission(options);
    this.#limit = new RateLimit(options.pace, options.clock);
    const hosts = options.hosts.map(canonicalHost);
    this.#hosts = new Set(hosts.filter((host) => host !== undefined));
  }

  async run(): Promise<ServerEnd> {
    const sweep = setInterval(() => this.#closeLate(), LOOK_MS);
    try {
      const { listener, clock } = this.options;
      await acceptAll(listener, (conn) => this.#take(conn), clock, this.signal);
      for (const connection of this.#open.keys()) if (!connection.working) connection.close();
      await settledWithin(this.#ended(), GRACE_MS);
      for (const connection of this.#open.keys()) connection.close();
      await settledWithin(this.#ended(), CLOSED_MS);
    } finally {
      clearInterval(sweep);
    }
    return { requests: this.#requests, bytes: this.#bytes };
  }

  #take(conn: Deno.TcpConn): void {
    if (!isPrepared(conn)) return;
    const { hostname: client } = conn.remoteAddr;
    if (this.#admission.full) this.#closeOneIdle();
    const place = this.#admission.full ? undefined : this.#admission.connection(client);
    if (!place) {
      void this.#refuse(conn);
      return;
    }
    const connection = new Connection(conn, {
      answer: (request, local) => this.#answer(request, local),
      admit: (signal) => this.#admission.request(client, signal),
      limit: this.#limit,
      now: this.options.clock.now,
      stopping: this.signal,
      onRequest: (request) => {
        this.#requests++;
        this.#bytes += request.bytes;
        this.#open.delete(connection);
        this.#open.set(connection, taken);
        this.options.onRequest(request);
      },
    });
    const ended = connection.run().then(() => {
      place[Symbol.dispose]();
      this.#open.delete(connection);
    });
    const taken = { place, ended };
    this.#open.set(connection, taken);
  }

  /** Says why the connection is closed, without waiting for a request. */
  async #refuse(conn: Deno.TcpConn): Promise<void> {
    const mayWait = this.#refusing++ < MOST_REFUSED;
    try {
      await conn.write(refusedConnection());
      await conn.closeWrite();
      if (mayWait) await settledWithin(drained(conn), REFUSED_MS, this.signal);
    } catch {
      // The client is gone.
    } finally {
      this.#refusing--;
      conn.close();
    }
  }

  async #ended(): Promise<void> {
    await Promise.all([...this.#open.values()].map(({ ended }) => ended));
  }

  async #answer(request: Request, local: string): Promise<Answer> {
    const { shelf, list } = this.options;
    const own = canonicalHost(local);
    const isOurs = (host: string) => host === own || this.#hosts.has(host);
    try {
      return await answerTo(request, { shelf, list, isOurs });
    } catch {
      // What is wrong with the folder is not for clients: the message names paths.
      return unreadable();
    }
  }

  #closeLate(): void {
    const now = this.options.clock.now();
    for (const connection of this.#open.keys()) {
      if (connection.deadline < now) connection.close();
    }
  }

  /** The one that has waited longest: the first, as each request takes its connection to the end. */
  #closeOneIdle(): void {
    for (const [connection, { place }] of this.#open) {
      if (connection.working) continue;
      connection.close();
      place[Symbol.dispose]();
      return;
    }
  }
}

/** False: the client has gone already, and the connection is closed. */
function isPrepared(conn: Deno.TcpConn): boolean {
  try {
    conn.setNoDelay(true);
    return true;
  } catch {
    // As macOS reports it.
    conn.close();
    return false;
  }
}

/** Reads what the client still sends: closing before would take the answer from it. */
async function drained(conn: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(1024);
  while (await conn.read(buffer).catch(() => null) !== null);
}
