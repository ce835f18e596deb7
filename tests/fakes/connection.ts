/** One accepted socket: reads request heads, writes bytes with backpressure. */

import type * as net from "node:net";
import { Buffer } from "node:buffer";
import type { Pacer } from "./pace.ts";

const HEAD_END = "\r\n\r\n";
const MAX_HEAD = 64 << 10;

/** Milliseconds to wait until a slow client has received the last bytes. */
const DRAIN_LIMIT = 5000;

export class Connection {
  /** Resolves when the socket is closed, for any reason. */
  readonly closed: Promise<void>;
  readonly #socket: net.Socket;
  #received = "";
  #left = false;
  #wake: () => void = () => {};

  constructor(socket: net.Socket, readonly id: number) {
    this.#socket = socket;
    const leave = () => {
      this.#left = true;
      this.#wake();
    };
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        leave();
        resolve();
      });
    });
    // A disconnecting peer is not an error here; "close" follows.
    socket.on("error", () => {});
    socket.on("end", leave);
    socket.on("data", (bytes: Buffer) => {
      this.#received += bytes.toString("latin1");
      this.#wake();
    });
  }

  /** False once either side has ended the connection. */
  get isOpen(): boolean {
    return !this.#left && this.#socket.writable;
  }

  /**
   * The next request line and header fields; undefined at the end of the connection, and for the
   * first bytes of TLS, which real servers refuse at once as well.
   */
  async readHead(): Promise<string | undefined> {
    for (;;) {
      const end = this.#received.indexOf(HEAD_END);
      if (end >= 0) {
        const head = this.#received.slice(0, end);
        this.#received = this.#received.slice(end + HEAD_END.length);
        return head;
      }
      const isTls = this.#received.startsWith("\x16\x03");
      if (!this.isOpen || isTls || this.#received.length > MAX_HEAD) return undefined;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  /** Writes at the rate of the pacers; resolves when the kernel has the bytes, false on failure. */
  async write(bytes: Uint8Array, pacers: readonly Pacer[] = []): Promise<boolean> {
    const wait = Math.max(0, ...pacers.map((pacer) => pacer.take(bytes.length)));
    if (wait >= 1) await this.pause(wait);
    if (!this.isOpen) return false;
    return await new Promise<boolean>((resolve) => {
      this.#socket.write(bytes, (error) => resolve(!error));
    });
  }

  /** Waits for `ms` milliseconds (Infinity: forever), or until the connection ends. */
  async pause(ms: number): Promise<void> {
    let waiting = true;
    const timer = ms === Infinity ? undefined : setTimeout(() => {
      waiting = false;
      this.#wake();
    }, ms);
    while (waiting && this.isOpen) await new Promise<void>((resolve) => this.#wake = resolve);
    clearTimeout(timer);
  }

  /** Resolves when the peer's kernel has received everything: a reset would discard the rest. */
  async drained(): Promise<void> {
    const giveUp = performance.now() + DRAIN_LIMIT;
    while (this.isOpen && performance.now() < giveUp) {
      if (await unacknowledged(this.#socket) === 0) return;
      await this.pause(1);
    }
  }

  end(how: "reset" | "close"): void {
    if (how === "close") this.#socket.end();
    else this.#socket.resetAndDestroy();
  }
}

/** Bytes in the send queue of a socket on Linux; 0 after a short wait on other systems. */
async function unacknowledged(socket: net.Socket): Promise<number> {
  let table: string;
  try {
    table = await Deno.readTextFile("/proc/net/tcp");
  } catch {
    await new Promise((resolve) => setTimeout(resolve, 50));
    return 0;
  }
  const hex = (port: number | undefined) => (port ?? 0).toString(16).toUpperCase().padStart(4, "0");
  const row = new RegExp(
    `:${hex(socket.localPort)} [0-9A-F]{8}:${hex(socket.remotePort)} .. ([0-9A-F]{8}):`,
  ).exec(table);
  return row ? parseInt(row[1]!, 16) : 0;
}
