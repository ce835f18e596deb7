/** One connection of a client: requests are read and answered one after another. */

import type { ServedRequest } from "../core/reports/serve.ts";
import { orAborted } from "../io/abort.ts";
import type { RateLimit } from "../io/limit.ts";
import { type Answer, busy, failure } from "./answer.ts";
import { HeadReader } from "./head_reader.ts";
import type { Refused, Request } from "./request.ts";
import { headOf, joined } from "./response.ts";
import type { ServedBlob } from "./shelf.ts";

export interface ConnectionHost {
  /** Never rejects. */
  readonly answer: (request: Request, local: string) => Promise<Answer>;
  /** Undefined: there are too many requests, or the signal was aborted. */
  readonly admit: (signal: AbortSignal) => Promise<Disposable | undefined>;
  /** Over all connections. */
  readonly limit: RateLimit;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  readonly onRequest: (request: ServedRequest) => void;
  /** Aborted when no further request is to be answered. */
  readonly stopping: AbortSignal;
}

/** Milliseconds for a head, from the connection or from its first byte on. */
const HEAD_MS = 10_000;
/** Milliseconds between two requests. */
const IDLE_MS = 15_000;
/**
 * Milliseconds for one write. The system takes more only once a good part of what it keeps for the connection is sent,
 * megabytes: minutes of a slow client. One that takes nothing keeps its place among the requests for as long.
 */
const STALLED_MS = 5 * 60_000;
/**
 * Milliseconds for one read of a blob, of which the last byte may wait for the digest, or the first for a disk that spins
 * up. A client without data for half a minute asks again, on another connection: the first one must not keep its place
 * among the requests.
 */
const READ_MS = 25_000;
/** Milliseconds for a client to read why it was refused. */
const LINGER_MS = 1_000;
/** Bytes of one read of a file, and so of memory for each answer. */
const PIECE = 512 * 1024;
/** Bytes of an answer that need not wait for the rate: an error, or that this is a registry. */
const SMALL = 1024;

export class Connection {
  /** When it is to be closed, by the clock of the host. */
  deadline: number;
  /** Whether a request is being answered. */
  working = false;
  readonly #client: string;
  readonly #local: string;
  readonly #ended = new AbortController();
  readonly #heads: HeadReader;

  constructor(private readonly conn: Deno.TcpConn, private readonly host: ConnectionHost) {
    this.deadline = host.now() + HEAD_MS;
    this.#client = conn.remoteAddr.hostname;
    this.#local = conn.localAddr.hostname;
    this.#heads = new HeadReader(conn, () => this.deadline = host.now() + HEAD_MS);
  }

  /** Resolves when the connection is closed. Never rejects. */
  async run(): Promise<void> {
    try {
      while (await this.#next());
    } catch {
      // The client is gone, or was too slow.
    } finally {
      this.close();
    }
  }

  /** Also ends what is being sent. */
  close(): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    try {
      this.conn.close();
    } catch {
      // It is closed already.
    }
  }

  /** Answers one request; false: it was the last. */
  async #next(): Promise<boolean> {
    const request = await this.#heads.next();
    if (!request) return false;
    this.working = true;
    this.deadline = Infinity;
    try {
      const keep = await this.#respond(request);
      if (!keep) await this.#linger();
      return keep;
    } finally {
      this.working = false;
    }
  }

  /** Whether the connection stays open. */
  async #respond(request: Request | Refused): Promise<boolean> {
    const began = this.host.now();
    if ("status" in request) {
      const { status, reason } = request;
      await this.#send(failure(status, "UNSUPPORTED", reason), undefined, false, began);
      return false;
    }
    using admitted = await this.host.admit(this.#ended.signal);
    const answer = admitted
      ? await this.#answer(request)
      : busy("too many requests are being answered");
    const keep = request.keepAlive && !this.host.stopping.aborted && answer.status !== 405;
    await this.#send(answer, request, keep, began);
    return keep && !this.host.stopping.aborted;
  }

  /** Rejects when the connection is closed first. */
  async #answer(request: Request): Promise<Answer> {
    const answering = this.host.answer(request, this.#local);
    try {
      return await orAborted(answering, this.#ended.signal);
    } catch (error) {
      void answering.then(({ body }) => "blob" in body && body.blob[Symbol.dispose]());
      throw error;
    }
  }

  async #send(
    { status, headers, body }: Answer,
    request: Request | undefined,
    keep: boolean,
    began: number,
  ): Promise<void> {
    const withBody = request?.method !== "HEAD";
    const head = headOf(status, headers, keep);
    let bytes = 0;
    let complete = false;
    try {
      if (!("blob" in body)) {
        const sent = withBody ? body : new Uint8Array();
        await this.#paid(sent.length);
        await this.#write(joined(head, sent));
        bytes = sent.length;
      } else {
        using blob = body.blob;
        await this.#write(head);
        if (withBody) {
          blob.begin(body.range);
          await this.#stream(blob, body.range.end - body.range.start, (count) => bytes += count);
        }
      }
      complete = true;
    } finally {
      this.deadline = this.host.now() + IDLE_MS;
      this.host.onRequest({
        client: this.#client,
        method: request?.method ?? "",
        path: request?.target ?? "",
        status,
        bytes,
        complete,
        elapsedMs: this.host.now() - began,
      });
    }
  }

  /** Sends `length` bytes, with one buffer and no more ahead than the system keeps for the connection. */
  async #stream(blob: ServedBlob, length: number, sent: (count: number) => void): Promise<void> {
    const { limit } = this.host;
    const { signal } = this.#ended;
    const buffer = new Uint8Array(Math.min(PIECE, length));
    for (let left = length; left > 0;) {
      this.deadline = Infinity;
      const most = await limit.take(Math.min(left, buffer.length), signal);
      this.deadline = this.host.now() + READ_MS;
      const count = await orAborted(blob.read(buffer.subarray(0, most)), signal);
      limit.spend(count - most);
      if (count === 0) throw new Error("the content ends early");
      await this.#write(buffer.subarray(0, count), sent);
      left -= count;
    }
  }

  /** Waits until an answer in memory may be sent. */
  async #paid(length: number): Promise<void> {
    if (length <= SMALL) return this.host.limit.spend(length);
    for (let left = length; left > 0;) {
      left -= await this.host.limit.take(left, this.#ended.signal);
    }
  }

  async #write(bytes: Uint8Array, sent: (count: number) => void = () => {}): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      this.deadline = this.host.now() + STALLED_MS;
      const count = await this.conn.write(bytes.subarray(at));
      at += count;
      sent(count);
    }
  }

  /** Closing while bytes of the client are unread would take the answer from it. */
  async #linger(): Promise<void> {
    this.deadline = this.host.now() + LINGER_MS;
    await this.conn.closeWrite();
    const buffer = new Uint8Array(1024);
    while (await this.conn.read(buffer) !== null);
  }
}
