/**
 * How far each range in flight has come, to the byte, for whoever comes after a kill. The bytes that a
 * killed process wrote are in the page cache; only nobody knows how far they go. So each write of data
 * is followed by a write of its position, in place and never synced: true as long as the machine runs.
 *
 * The file is text, one line of fixed width per range: a header, then `<start> <position>`.
 */

import type { Range } from "../../core/ranges.ts";
import type { Disk, DiskFile, Ownership } from "../../io/disk.ts";

const HEADER_WIDTH = 64;
const DIGITS = 16;
/** A divisor of the page size: a kill cannot leave half of a line, since it falls between two pages. */
const LINE_WIDTH = 64;
/** A clock that is adjusted by less than this does not look like another boot. */
const SAME_BOOT_SECONDS = 5;

/** Seconds since 1970 at which this machine started, as far as its clock can be trusted. */
export function bootTime(): number {
  return Math.round(Date.now() / 1000 - Deno.osUptime());
}

/** A line of the file: where a range began and how far it has come. */
export interface Slot {
  readonly start: number;
  position: number;
  readonly line: number;
}

const FREE: Slot = { start: 0, position: 0, line: -1 };

/** The positions of one blob, as they are written: true from the moment a call returns. */
export class PositionsFile {
  #slots: Slot[] = [];

  private constructor(private readonly file: DiskFile) {}

  /**
   * Begins a new file with a line for each of `ranges`: what an earlier run left and no checkpoint has
   * yet. It takes the place of the old one in one step, so that a kill meets one of the two.
   */
  static async create(
    disk: Disk,
    path: string,
    temporary: string,
    boot: number,
    ranges: readonly Range[],
    ownership: Ownership = {},
  ): Promise<PositionsFile> {
    const file = await disk.open(temporary, "new");
    try {
      const live = new PositionsFile(file);
      const header = `pullama live 1 boot ${boot} run ${crypto.randomUUID().slice(0, 8)}`;
      const lines = ranges.map(({ start, end }) => {
        const slot = live.begin(start);
        slot.position = end;
        return textOf(slot);
      });
      await disk.own(temporary, ownership);
      await file.writeAt(encode(`${header.padEnd(HEADER_WIDTH - 1)}\n${lines.join("")}`), 0);
      await disk.rename(temporary, path);
      return live;
    } catch (error) {
      file.close();
      await disk.remove(temporary).catch(() => {});
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

  /** The lines in use at this moment. */
  slots(): readonly Slot[] {
    return this.#slots.filter((slot) => slot !== FREE);
  }

  /** What the line says is safe in a checkpoint, or not wanted any more: it may serve another range. */
  release(slot: Slot): void {
    if (this.#slots[slot.line] !== slot) return;
    this.#slots[slot.line] = FREE;
    this.#note(slot.line);
  }

  close(): void {
    this.file.close();
  }

  #note(line: number): void {
    try {
      const text = textOf(this.#slots[line] ?? FREE);
      this.file.writeNowAt(encode(text), HEADER_WIDTH + line * LINE_WIDTH);
    } catch {
      // A position that could not be noted costs at most its own bytes after a kill.
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
 * The ranges that a live file of this boot claims to be on disk, within `[0, limit)`. Lines that do not
 * read as they were written are passed over; another boot, or no file at all, claims nothing.
 */
export async function readPositions(path: string, boot: number, limit: number): Promise<Range[]> {
  let text: string;
  try {
    text = new TextDecoder().decode(await Deno.readFile(path));
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
