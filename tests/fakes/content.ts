/** The content that a fake registry serves: bytes in memory, or generated on demand. */

import { createHash } from "node:crypto";
import { type Digest, digestOf } from "../../src/core/digest.ts";

/** Bytes by offset. `read` may return a view that the caller must not write to. */
export interface Content {
  readonly size: number;
  read(offset: number, length: number): Uint8Array;
}

/** Content in memory; text is encoded as UTF-8. */
export function held(bytes: Uint8Array | string): Content {
  const all = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  return {
    size: all.length,
    read: (offset, length) => all.subarray(offset, offset + length),
  };
}

const BLOCK = 1 << 20;

/**
 * Deterministic noise of any size: one random block of 1 MiB, its words XORed with a value that
 * differs for each block. Words at the same position in different blocks differ, so bytes written
 * at the wrong offset are detected. About 3 GB/s.
 */
export function noise(size: number, seed = 1): Content {
  const block = randomWords(seed);
  return {
    size,
    read(offset, length) {
      const from = offset - offset % 4;
      const words = new Uint32Array(Math.ceil((offset + length - from) / 4));
      for (let done = 0; done < words.length;) {
        const at = from + done * 4;
        const mask = Math.imul(Math.floor(at / BLOCK), 0x9e3779b1);
        const first = (at % BLOCK) / 4;
        const count = Math.min(words.length - done, block.length - first);
        for (let k = 0; k < count; k++) words[done + k] = block[first + k]! ^ mask;
        done += count;
      }
      return new Uint8Array(words.buffer, offset - from, length);
    },
  };
}

function randomWords(seed: number): Uint32Array {
  const words = new Uint32Array(BLOCK / 4);
  let x = Math.imul(seed, 0x85ebca6b) ^ 0x2545f491 || 1;
  for (let k = 0; k < words.length; k++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    words[k] = x;
  }
  return words;
}

/** The concatenation of `parts`. */
export function joined(parts: readonly Content[]): Content {
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  return {
    size,
    read(offset, length) {
      const out = new Uint8Array(length);
      let start = 0;
      for (const part of parts) {
        const from = Math.max(offset, start);
        const to = Math.min(offset + length, start + part.size);
        if (from < to) out.set(part.read(from - start, to - from), from - offset);
        start += part.size;
      }
      return out;
    },
  };
}

/** All bytes of a small content. */
export function wholeOf(content: Content): Uint8Array {
  return content.read(0, content.size);
}

/** The SHA-256 of a content, read block by block. */
export function digestOfContent(content: Content): Digest {
  const hash = createHash("sha256");
  for (let offset = 0; offset < content.size; offset += BLOCK) {
    hash.update(content.read(offset, Math.min(BLOCK, content.size - offset)));
  }
  return digestOf(hash.digest("hex"));
}
