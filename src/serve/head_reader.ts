/** Reads the heads of requests from a connection, one after another. */

import {
  headEnd,
  mayBegin,
  MOST_HEAD,
  parseRequest,
  type Refused,
  type Request,
} from "./request.ts";

const LEAST_BUFFER = 4096;

export class HeadReader {
  #buffer = new Uint8Array(LEAST_BUFFER);
  #length = 0;

  /** `onFirst`: the first bytes of a head are there. */
  constructor(
    private readonly conn: Pick<Deno.Conn, "read">,
    private readonly onFirst: () => void,
  ) {}

  /** Undefined: the client has closed the connection. */
  async next(): Promise<Request | Refused | undefined> {
    this.#shrink();
    let searched = 0;
    let mayBeEmpty = true;
    for (;;) {
      if (mayBeEmpty && this.#length > 1) {
        mayBeEmpty = false;
        // Some clients send an empty line after a request, or before the first.
        if (this.#buffer[0] === 13 && this.#buffer[1] === 10) this.#drop(2);
      }
      const end = headEnd(this.#buffer.subarray(0, this.#length), searched - 3);
      if (end !== undefined && end <= MOST_HEAD) return this.#take(end);
      if (!mayBeEmpty && this.#length > 0 && !mayBegin(this.#buffer[0])) {
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
      if (this.#length === 0) this.onFirst();
      this.#length += count;
    }
  }

  #take(end: number): Request | Refused {
    const request = parseRequest(this.#buffer.subarray(0, end));
    this.#drop(end);
    return request;
  }

  #drop(count: number): void {
    this.#buffer.copyWithin(0, count, this.#length);
    this.#length -= count;
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
}
