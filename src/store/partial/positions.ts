/**
 * How far each range has been written, to the byte, for the run after a kill. The bytes that a killed process
 * wrote are in the page cache, but their number is unknown. So each write of data is followed by a write of its
 * position, in place and never synced: it is true until the machine is rebooted.
 *
 * The file is text with lines of fixed width: a header, then `<start> <position>` per range.
 */

import type { Range } from "../../core/ranges.ts";
import type { Disk, DiskFile, Ownership } from "../../io/disk.ts";
import { readSmallFile } from "../../io/guarded.ts";

/** Bytes of the file at most: 16,000 ranges. */
const MOST_BYTES = 1024 * 1024;
const HEADER_WIDTH = 64;
const DIGITS = 16;
/** Divides the page size: a kill cannot leave half of a line. */
const LINE_WIDTH = 64;
/** An adjustment of the clock by less than this is not taken for another boot. */
const SAME_BOOT_SECONDS = 5;

/** When this machine was booted, in seconds since 1970 by its clock. */
export function bootTime(): number {
  return Math.round(Date.now() / 1000 - Deno.osUptime());
}

/** A line of the file: the start of a range and how far it has been written. */
export interface Slot {
  readonly start: number;
  position: number;
  readonly line: number;
}

const FREE: Slot = { start: 0, position: 0, line: -1 };

/** Where the file is, and how it is made. */
export interface PositionsPlace {
  readonly disk: Disk;
  readonly path: string;
  /** Renamed to `path`. */
  readonly draft: string;
  readonly ownership?: Ownership;
}

/** The positions of one blob, true from the moment a call returns. */
export class PositionsFile {
  #slots: Slot[] = [];

  private constructor(
    private readonly file: DiskFile,
    readonly path: string,
    private readonly header: string,
  ) {}

  /**
   * Begins a new file with a line for each of `ranges`: what an earlier run wrote and no checkpoint has yet.
   * It replaces the old one in one step.
   */
  static async create(
    { disk, path, draft, ownership = {} }: PositionsPlace,
    boot: number,
    ranges: readonly Range[],
  ): Promise<PositionsFile> {
    const file = await disk.open(draft, "new");
    try {
      const run = crypto.randomUUID().slice(0, 8);
      const header = `pullama live 1 boot ${boot} run ${run}`.padEnd(HEADER_WIDTH - 1);
      const positions = new PositionsFile(file, path, header);
      const lines = ranges.map(({ start, end }) => {
        const slot = positions.begin(start);
        slot.position = end;
        return textOf(slot);
      });
      await disk.own(draft, ownership);
      await file.writeAt(encode(`${header}\n${lines.join("")}`), 0);
      await disk.rename(draft, path);
      return positions;
    } catch (error) {
      file.close();
      await disk.remove(draft).catch(() => {});
      throw error;
    }
  }

  /** A line for a range that begins at `start`. */
  begin(start: number): Slot {
    const free = this.#slots.indexOf(FREE);
    const line = free === -1 ? this.#slots.length : free;
    return this.#slots[line] = { start, position: start, line };
  }

  /** Bytes of the range are on disk up to `position`. */
  advance(slot: Slot, position: number): void {
    slot.position = position;
    this.#note(slot.line);
  }

  /** The lines in use. */
  slots(): readonly Slot[] {
    return this.#slots.filter((slot) => slot !== FREE);
  }

  /** The range is in a checkpoint, or was discarded: the line is free for another one. */
  release(slot: Slot): void {
    if (this.#slots[slot.line] !== slot) return;
    this.#slots[slot.line] = FREE;
    this.#note(slot.line);
  }

  /**
   * Whether no other process has begun a file of its own: where locks do not work, that is how two of them notice.
   * A file that was removed tells nothing.
   */
  async isCurrent(): Promise<boolean> {
    const file = await readSmallFile(this.path, MOST_BYTES).catch(() => undefined);
    return !file || new TextDecoder().decode(file.bytes).startsWith(this.header);
  }

  close(): void {
    this.file.close();
  }

  #note(line: number): void {
    try {
      const text = textOf(this.#slots[line] ?? FREE);
      this.file.writeNowAt(encode(text), HEADER_WIDTH + line * LINE_WIDTH);
    } catch {
      // A position that cannot be written costs only its own bytes after a kill.
    }
  }
}

function textOf({ start, position }: Slot): string {
  return `${`${pad(start)} ${pad(position)}`.padEnd(LINE_WIDTH - 1)}\n`;
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function pad(value: number): string {
  return String(value).padStart(DIGITS, "0");
}

/**
 * The ranges that a file of this boot claims to be on disk, within `[0, limit)`. Lines that are not as they were
 * written are ignored; a file of another boot, or none, claims nothing.
 */
export async function readPositions(path: string, boot: number, limit: number): Promise<Range[]> {
  let text: string;
  try {
    text = new TextDecoder().decode((await readSmallFile(path, MOST_BYTES))?.bytes);
  } catch {
    return [];
  }
  const header = /^pullama live 1 boot (\d{1,16}) run [0-9a-f]{8} *\n$/.exec(
    text.slice(0, HEADER_WIDTH),
  );
  if (!header || Math.abs(Number(header[1]) - boot) > SAME_BOOT_SECONDS) return [];
  const ranges: Range[] = [];
  for (let at = HEADER_WIDTH; at + LINE_WIDTH <= text.length; at += LINE_WIDTH) {
    const line = /^(\d{16}) (\d{16}) *\n$/.exec(text.slice(at, at + LINE_WIDTH));
    if (!line) continue;
    const start = Number(line[1]);
    const end = Math.min(Number(line[2]), limit);
    if (start < end) ranges.push({ start, end });
  }
  return ranges;
}
