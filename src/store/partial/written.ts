/** The segments of an unfinished blob, with the file of their positions kept equal to them. */

import { PullamaError } from "../../core/errors.ts";
import type { Chunk, Range } from "../../core/ranges.ts";
import type { ClaimedRange } from "./checkpoint.ts";
import type { IngestTools } from "./ingest_tools.ts";
import { PositionsFile, type Slot } from "./positions.ts";
import { type Segment, Segments } from "./segments.ts";

export class WrittenSegments {
  readonly segments: Segments = new Segments();
  /** Another process has begun to write the same blob. */
  displaced = false;

  private constructor(private readonly positions: PositionsFile) {}

  /** Begins with what an earlier run claims; the file of positions is replaced in one step. */
  static async open(
    { disk, at, temporary, boot, ownership }: IngestTools,
    claims: readonly ClaimedRange[],
  ): Promise<WrittenSegments> {
    const isUnsaved = ({ from, digest }: ClaimedRange) => from === "live" && !digest;
    const draft = temporary();
    const positions = await PositionsFile.create(
      { disk, path: at.positions, draft, ownership },
      boot,
      claims.filter(isUnsaved),
    );
    const written = new WrittenSegments(positions);
    const slots = positions.slots().values();
    for (const claim of claims) {
      const { digest, from, end } = claim;
      const slot = isUnsaved(claim) ? slots.next().value : undefined;
      written.segments.add(claim, from, {
        ...(digest === undefined ? {} : { proof: { end, digest } }),
        ...(slot && { slot }),
      });
    }
    return written;
  }

  /**
   * Rejects with kind `busy` where a file system that only pretends to lock has let in another process, which is left
   * in peace from then on.
   */
  async requireCurrent(): Promise<void> {
    this.displaced ||= !await this.positions.isCurrent();
    if (!this.displaced) return;
    const message = `another pullama has begun to write ${this.positions.path} as well`;
    throw new PullamaError("busy", message, {
      hint: "files are not locked on this file system: run one pull at a time there",
    });
  }

  /** A segment that is going to be written, from `start` on. */
  begin(start: number): Segment {
    const slot = this.positions.begin(start);
    return this.segments.add({ start, end: start }, "registry", { open: true, slot });
  }

  /** The end of the segment has moved on. */
  advance(segment: Segment): void {
    this.positions.advance(segment.slot!, segment.end);
  }

  /** The segment is no longer written to. */
  end(segment: Segment): void {
    segment.open = false;
    if (segment.start < segment.end) return;
    this.positions.release(segment.slot!);
    this.segments.remove((other) => other === segment);
  }

  /** Takes `range` out, and returns how many bytes that were: they are not believed after a kill either. */
  cut(range: Range): number {
    const count = this.segments.cut(range);
    const used = new Set(this.segments.list.map(({ slot }) => slot));
    for (const slot of this.positions.slots()) {
      if (!used.has(slot)) this.positions.release(slot);
    }
    for (const segment of this.segments.list) {
      const { slot, start, end } = segment;
      if (!slot || (slot.start === start && slot.position === end)) continue;
      this.positions.release(slot);
      segment.slot = this.positions.begin(start);
      this.positions.advance(segment.slot, end);
    }
    return count;
  }

  /** Takes out what has no digest of its own, and returns where the first of it began; undefined: there was none. */
  dropDoubtful(): number | undefined {
    const doubtful = this.segments.list.filter(({ from }) => from !== "registry");
    if (doubtful.length === 0) return undefined;
    this.segments.remove(({ from }) => from !== "registry");
    for (const slot of this.positions.slots()) this.positions.release(slot);
    return Math.min(...doubtful.map(({ start }) => start));
  }

  /** These positions are in a checkpoint now. */
  release(slots: readonly Slot[]): void {
    for (const slot of slots) this.positions.release(slot);
  }

  /** Closes the file, and resolves when the hashes of all segments have ended. */
  async close(): Promise<void> {
    const runs = this.segments.list.flatMap(({ run }) => run ?? []);
    await Promise.all(runs.map((run) => run.close()));
    this.segments.remove(() => true);
    this.positions.close();
  }
}

/** Those of `claims` that can be compared with a digest of their own. */
export function withDigest(claims: readonly ClaimedRange[]): Required<Chunk>[] {
  return claims.flatMap(({ start, end, digest }) =>
    digest === undefined ? [] : [{ start, end, digest }]
  );
}
