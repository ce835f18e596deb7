/** Reads a source ahead of its reader, in few large reads: each read of a file costs a change of thread. */

import type { ByteSource } from "./file_stream.ts";

/** Bytes of one read. Two of them are in memory. */
const AHEAD = 1024 * 1024;

interface Block {
  readonly start: number;
  readonly bytes: Uint8Array;
}

/** `source` from `start` to `end`, for a reader that reads in order. Whatever the position, it reads what is there. */
export class ReadAhead implements ByteSource {
  #current: Block | undefined;
  #next: { readonly start: number; readonly block: Promise<Block> } | undefined;
  #spare: Uint8Array | undefined;
  #closed = false;

  constructor(private readonly source: ByteSource, private readonly end: number) {}

  async readAt(buffer: Uint8Array, position: number): Promise<number> {
    if (!has(this.#current, position)) {
      const next = this.#next;
      this.#next = undefined;
      // One read at a time. One of another place is of no use, and one that has failed is done again.
      const block = await next?.block.catch(() => undefined);
      this.#spare ??= this.#current?.bytes;
      this.#current = undefined;
      this.#current = next?.start === position && block ? block : await this.#read(position);
      this.#readOn(this.#current!);
    }
    const { start, bytes } = this.#current!;
    const piece = bytes.subarray(position - start, position - start + buffer.length);
    buffer.set(piece);
    return piece.length;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const close = () => this.source.close();
    // A read that is under way would fail on a closed file.
    if (this.#next) this.#next.block.then(close, close);
    else close();
  }

  /** Begins to read what follows `block`, unless that was the last. */
  #readOn({ start, bytes }: Block): void {
    const at = start + bytes.length;
    if (this.#closed || bytes.length === 0 || at >= this.end) return;
    const block = this.#read(at);
    this.#next = { start: at, block };
    // There may be no next call.
    block.catch(() => {});
  }

  async #read(start: number): Promise<Block> {
    const memory = new Uint8Array(this.#spare?.buffer ?? new ArrayBuffer(AHEAD));
    this.#spare = undefined;
    const buffer = memory.subarray(0, Math.max(0, Math.min(memory.length, this.end - start)));
    const count = await this.source.readAt(buffer, start);
    return { start, bytes: buffer.subarray(0, count) };
  }
}

function has(block: Block | undefined, position: number): boolean {
  return block !== undefined && position >= block.start &&
    position < block.start + block.bytes.length;
}
