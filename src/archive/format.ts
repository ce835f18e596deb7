/** The headers of tar archives, POSIX and GNU: bytes in, fields out, and the other way around. */

import { Buffer } from "node:buffer";
import { Header } from "tar/header";
import { Pax } from "tar/pax";
import { PullamaError } from "../core/errors.ts";

/** Everything in an archive begins at a multiple of this many bytes. */
export const BLOCK = 512;

/** Bytes of an extended header at most: it has a name and a size. */
const MOST_EXTENDED = 64 * 1024;
const HINT = "make the archive again, or copy it again";

export interface Entry {
  readonly path: string;
  readonly size: number;
  /** In milliseconds since 1970; whole seconds are stored. */
  readonly modifiedMs: number;
}

/** The header of a regular file with mode 0644, with an extended one where name or size need it. */
export function headerOf({ path, size, modifiedMs }: Entry): Uint8Array {
  const mtime = new Date(Math.max(0, Math.floor(modifiedMs / 1000) * 1000));
  const header = new Header({ path, mode: 0o644, uid: 0, gid: 0, size, mtime, type: "File" });
  const isExtended = header.encode();
  const block = header.block!;
  if (!isExtended) return block;
  const extended = new Pax({ path, size }).encode();
  const both = new Uint8Array(extended.length + block.length);
  both.set(extended);
  both.set(block, extended.length);
  return both;
}

/** `size` up to the next block. */
export function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}

/** Two empty blocks end an archive. */
export const END: Uint8Array = new Uint8Array(2 * BLOCK);

const GLOBAL = "GlobalExtendedHeader";
const LONG_PATHS = ["NextFileHasLongPath", "OldGnuLongPath"];
/** Types of headers that are about the next one, or about all. */
const EXTENDED: ReadonlySet<string> = new Set([
  GLOBAL,
  "ExtendedHeader",
  "OldExtendedHeader",
  ...LONG_PATHS,
]);

/** What follows the headers of a member in the archive. */
export interface Member {
  readonly path: string;
  /** As node-tar names it: `File`, `Directory`, `SymbolicLink` and so on. */
  readonly type: string;
  readonly size: number;
}

/** Where an archive is read from, in order. */
export interface Input {
  readonly position: number;
  /** The next `length` bytes. Undefined where the input ends before the first; rejects where it ends within. */
  read(length: number): Promise<Uint8Array | undefined>;
  /** Leaves out all bytes before `position`, which is not behind. */
  skipTo(position: number): Promise<void>;
}

/**
 * The members of an archive. While one is at hand, its content may be read from the input. Rejects with kind `archive`
 * for what is no archive or ends early.
 */
export async function* membersIn(input: Input): AsyncGenerator<Member> {
  let extended: Pax | undefined;
  for (;;) {
    const start = input.position;
    const block = await input.read(BLOCK);
    if (!block) {
      // Some programs leave the end out.
      if (start > 0) return;
      throw new PullamaError("archive", "it is empty", { hint: HINT });
    }
    const header = new Header(Buffer.from(block.buffer, block.byteOffset, block.length));
    if (header.nullBlock) return;
    if (!header.cksumValid) throw noArchive(block, start);
    const { type } = header;
    const isExtended = EXTENDED.has(String(type));
    // Those of an extended header are for the file after it, not for another extended header.
    const size = (isExtended ? undefined : extended?.size) ?? header.size ?? NaN;
    if (!Number.isSafeInteger(size)) throw damaged(start);
    const end = input.position + padded(size);
    if (isExtended) {
      if (size > MOST_EXTENDED) throw damaged(start);
      const text = textOf(await input.read(size) ?? new Uint8Array());
      extended = extendedBy(text, String(type), extended);
    } else {
      const path = extended?.path ?? header.path ?? "";
      extended = undefined;
      yield { path, type: String(type), size };
    }
    await input.skipTo(end);
  }
}

/** What is known of the next file: from `text` and from what came before. */
function extendedBy(text: string, type: string, before: Pax | undefined): Pax | undefined {
  // What holds for the whole archive is a comment or the character set.
  if (type === GLOBAL) return before;
  if (LONG_PATHS.includes(type)) {
    return new Pax({ ...before, path: text.replace(/\0.*$/s, "") });
  }
  if (/(^|\n)\d+ GNU\.sparse\./.test(text)) {
    throw new PullamaError("archive", "it has a sparse file, which is not supported", {
      hint: "make it with: pullama export, or with tar without --sparse",
    });
  }
  const parsed = Pax.parse(text);
  // The long name of GNU tar is the whole one.
  return before?.path === undefined ? parsed : new Pax({ ...parsed, path: before.path });
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function damaged(at: number): PullamaError {
  return new PullamaError("archive", `it is damaged at byte ${at}`, { hint: HINT });
}

const COMPRESSED: readonly (readonly [name: string, magic: readonly number[], command: string])[] =
  [
    ["gzip", [0x1f, 0x8b], "gzip -dc"],
    ["zstd", [0x28, 0xb5, 0x2f, 0xfd], "zstd -dc"],
    ["xz", [0xfd, 0x37, 0x7a, 0x58], "xz -dc"],
    ["bzip2", [0x42, 0x5a, 0x68], "bzip2 -dc"],
  ];

function noArchive(block: Uint8Array, at: number): PullamaError {
  if (at > 0) return damaged(at);
  const found = COMPRESSED.find(([_, magic]) => magic.every((byte, i) => block[i] === byte));
  if (!found) return new PullamaError("archive", "it is not a tar archive", { hint: HINT });
  const [name, _, command] = found;
  return new PullamaError("archive", `it is compressed with ${name}`, {
    hint: `unpack it on the way: ${command} FILE | pullama import -`,
  });
}
