/**
 * An HTTP/1.1 server for content of any size, on connections of its own: `Deno.serve` has no time limit for a head or for
 * idle connections, does not tell how many there are, and ends for good where no more files can be opened.
 */

import type { ServedRequest, ServerEnd } from "../core/reports/serve.ts";
import { settledWithin } from "../io/abort.ts";
import type { Clock } from "../io/clock.ts";
import { type Pace, RateLimit } from "../io/limit.ts";
import { type Answer, answerTo, failure } from "./answer.ts";
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
/** Milliseconds until connections are accepted again, where the system has none left. */
const PAUSE_MS = 100;
/** Milliseconds that answers have to end once the server is stopped. */
const GRACE_MS = 3_000;

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

  constructor(private readonly options: ServerOptions, private readonly signal: AbortSignal) {
    this.#admission = new Admission(options);
    this.#limit = new RateLimit(options.pace, options.clock);
    this.#hosts = new Set(options.hosts.map((host) => canonicalHost(host) ?? host));
  }

  async run(): Promise<ServerEnd> {
    const sweep = setInterval(() => this.#closeLate(), LOOK_MS);
    try {
      await this.#accept();
      for (const connection of this.#open.keys()) if (!connection.working) connection.close();
      await settledWithin(this.#ended(), GRACE_MS);
      for (const connection of this.#open.keys()) connection.close();
      await this.#ended();
    } finally {
      clearInterval(sweep);
    }
    return { requests: this.#requests, bytes: this.#bytes };
  }

  async #accept(): Promise<void> {
    const { listener, clock } = this.options;
    const stop = () => listener.close();
    if (this.signal.aborted) return stop();
    this.signal.addEventListener("abort", stop, { once: true });
    while (!this.signal.aborted) {
      try {
        this.#take(await listener.accept());
      } catch {
        // The listener is closed, the client has gone, or no further file can be opened.
        await clock.sleep(PAUSE_MS, this.signal).catch(() => {});
      }
    }
  }

  #take(conn: Deno.TcpConn): void {
    const { hostname: client } = conn.remoteAddr;
    if (this.#admission.full) this.#closeOneIdle();
    const place = this.#admission.full ? undefined : this.#admission.connection(client);
    if (!place) {
      void refuse(conn);
      return;
    }
    conn.setNoDelay(true);
    const connection = new Connection(conn, {
      answer: (request, local) => this.#answer(request, local),
      admit: () => this.#admission.request(client),
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
      return failure(500, "UNKNOWN", "the models folder cannot be read");
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

/** Without waiting for what the client sends. */
async function refuse(conn: Deno.TcpConn): Promise<void> {
  try {
    await conn.write(refusedConnection());
  } catch {
    // The client is gone.
  } finally {
    conn.close();
  }
}
