/** One connection of a client: requests are read and answered one after another. */

import type { ServedRequest } from "../core/reports/serve.ts";
import type { ByteReader } from "../io/byte_reader.ts";
import type { RateLimit } from "../io/limit.ts";
import { type Answer, busy, failure } from "./answer.ts";
import {
  headEnd,
  mayBegin,
  MOST_HEAD,
  parseRequest,
  type Refused,
  type Request,
} from "./request.ts";
import { headOf, joined } from "./response.ts";
import type { ServedBlob } from "./shelf.ts";

export interface ConnectionHost {
  /** Never rejects. */
  readonly answer: (request: Request, local: string) => Promise<Answer>;
  /** Undefined: there are too many requests. */
  readonly admit: () => Disposable | undefined;
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
/** Milliseconds in which a client takes nothing of an answer. */
const STALLED_MS = 60_000;
/** Milliseconds for a client to read why it was refused. */
const LINGER_MS = 1_000;
/** Bytes of one read of a file, and so of memory for each answer. */
const PIECE = 512 * 1024;
const LEAST_BUFFER = 4096;

export class Connection {
  /** When it is to be closed, by the clock of the host. */
  deadline: number;
  /** Whether a request is being answered. */
  working = false;
  readonly #client: string;
  readonly #local: string;
  readonly #ended = new AbortController();
  #buffer = new Uint8Array(LEAST_BUFFER);
  #length = 0;

  constructor(private readonly conn: Deno.TcpConn, private readonly host: ConnectionHost) {
    this.deadline = host.now() + HEAD_MS;
    this.#client = conn.remoteAddr.hostname;
    this.#local = conn.localAddr.hostname;
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
    const request = await this.#read();
    if (!request) return false;
    const began = this.host.now();
    this.working = true;
    this.deadline = Infinity;
    try {
      using admitted = this.host.admit();
      const valid = "method" in request ? request : undefined;
      const answer = "status" in request
        ? failure(request.status, "UNSUPPORTED", request.reason)
        : admitted
        ? await this.host.answer(request, this.#local)
        : busy("too many requests are being answered");
      const keep = (valid?.keepAlive ?? false) && !this.host.stopping.aborted &&
        answer.status !== 405;
      await this.#send(answer, valid, keep, began);
      if (!keep) await this.#linger();
      return keep;
    } finally {
      this.working = false;
    }
  }

  /** Undefined: the client has closed the connection. */
  async #read(): Promise<Request | Refused | undefined> {
    this.#shrink();
    let searched = 0;
    for (;;) {
      const end = headEnd(this.#buffer.subarray(0, this.#length), searched - 3);
      if (end !== undefined && end <= MOST_HEAD) return this.#take(end);
      if (this.#length > 0 && !mayBegin(this.#buffer[0])) {
        return {
          status: 400,
          reason: "this is no request of HTTP; only plain http is spoken here",
        };
      }
      if (this.#length >= MOST_HEAD) {
        return { status: 431, reason: "the head of the request is too large" };
      }
      searched = this.#length;
      if (this.#length === this.#buffer.length) this.#grow();
      const count = await this.conn.read(this.#buffer.subarray(this.#length));
      if (count === null) return undefined;
      if (this.#length === 0) this.deadline = this.host.now() + HEAD_MS;
      this.#length += count;
    }
  }

  #take(end: number): Request | Refused {
    const request = parseRequest(this.#buffer.subarray(0, end));
    this.#buffer.copyWithin(0, end, this.#length);
    this.#length -= end;
    return request;
  }

  #grow(): void {
    const larger = new Uint8Array(Math.min(2 * this.#buffer.length, MOST_HEAD));
    larger.set(this.#buffer);
    this.#buffer = larger;
  }

  #shrink(): void {
    if (this.#buffer.length > LEAST_BUFFER && this.#length <= LEAST_BUFFER) {
      this.#buffer = this.#buffer.slice(0, LEAST_BUFFER);
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
    const source: ByteReader = {
      async read(buffer) {
        const count = await blob.read(buffer);
        return { value: buffer.subarray(0, count), done: count === 0 };
      },
      cancel: () => Promise.resolve(),
    };
    const { signal } = this.#ended;
    const reader = this.host.limit.through(source, signal);
    const buffer = new Uint8Array(Math.min(PIECE, length));
    for (let left = length; left > 0;) {
      this.deadline = Infinity;
      const { value, done } = await reader.read(buffer.subarray(0, Math.min(left, buffer.length)));
      if (done || !value) throw new Error("the content ends early");
      await this.#write(value, sent);
      left -= value.length;
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
    while (await this.conn.read(this.#buffer) !== null);
  }
}
