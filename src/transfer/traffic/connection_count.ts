/**
 * How many connections serve a pull best: measurements in, a number out.
 *
 * The number is doubled, or made four times as large where that has just paid in full, as long as the total rate rises
 * by a good part of what the added connections would bring if they took nothing from the others. A number that does
 * not pay is given back, one that may be too large is compared with half of it, and both are tried again only after
 * long pauses. A server that refuses connections is taken at its word.
 */

import {
  AGAIN,
  type CountChange,
  FEWER,
  FIRST,
  isShort,
  type Level,
  type Measurement,
  RateSamples,
  type Span,
  STEADY,
} from "./measuring.ts";

/** The number a pull begins with, unless told otherwise. */
export const FEWEST = 4;
/** The largest number. */
export const MOST = 64;

/** So many are usual: Ollama's own client uses that many. */
const USUAL = 16;

/** The part of the full gain that added connections have to bring. */
const WORTH = 0.2;
/** From this part of it on, the next step is a large one. */
const IN_FULL = 0.7;
/** A number that has paid less than this is compared with half of it. */
const DOUBTFUL = 0.5;
/** Half as many connections are kept if they bring this part of the rate. */
const AS_FAST = 0.93;
/** Connections that receive so many bytes a second each are limited by this computer rather than by the network. */
const FAST_ENOUGH = 100e6;
/** The second half of a measurement shows so much more than all of it while connections are still getting faster. */
const RISING = 1.15;
/** The rate has dropped when it is below this part of what it was: losses may keep it low for long. */
const DROPPED = 0.6;

/** Milliseconds. A drop is seen in this time. */
const SOON = 700;
/** Connections that do not begin to receive are not waited for any longer. */
const LONGEST_START = 1500;
const FIRST_PAUSE = 15_000;
/** After a drop the pauses begin with this one. */
const DROP_PAUSE = 500;
const LONGEST_PAUSE = 240_000;
/** A refusal is believed for this long at first. */
const FIRST_REFUSAL = 120_000;
/** Refusals within this time have one cause. */
const ONE_REFUSAL = 1000;
/** Halving a number pays only in long pulls: with so much time left. */
const LONG_PULL = 30_000;

export class ConnectionCount {
  #count: number;
  #ceiling = MOST;
  /** The number that the present one is compared with; undefined: nothing is being tried. */
  #base: Level | undefined;
  #steady: Level | undefined;
  /** When the number was set, and when so many connections received. */
  #setAt = -Infinity;
  #begunAt: number | undefined;
  #samples = new RateSamples();
  #doubtful = false;
  #span: Span = FIRST;
  /** Fewer connections than this were not enough when the rate dropped. */
  #fewest = FEWEST;
  #dropPause = DROP_PAUSE;
  #pause = FIRST_PAUSE;
  #triedAt = -Infinity;
  #refusedAt = -Infinity;
  #refusal = FIRST_REFUSAL;

  constructor(start: number = FEWEST) {
    this.#count = start;
  }

  get count(): number {
    return this.#count;
  }

  /** Another pull begins, with what was found out by the last one. */
  begin(): void {
    if (this.#base && this.#steady) this.#count = this.#steady.count;
    this.#base = undefined;
    this.#restart(-Infinity);
  }

  /** Takes a measurement; returns the new number if it changes. */
  measure(now: Measurement): CountChange | undefined {
    if (!now.busy) this.#begunAt = undefined;
    if (!now.busy || !this.#begins(now)) return undefined;
    this.#samples.add(now);
    return this.#steady && !this.#base ? this.#hold(this.#steady, now) : this.#judge(now);
  }

  /** The server refused a connection while it served others. */
  refused(now: number): CountChange | undefined {
    if (now - this.#refusedAt < ONE_REFUSAL) return undefined;
    if (this.#refusedAt > 0) this.#refusal *= 2;
    this.#refusedAt = now;
    const count = Math.max(1, Math.floor(this.#count / 2));
    this.#ceiling = count;
    this.#base = undefined;
    this.#steady = { count, rate: 0 };
    this.#triedAt = now;
    return this.#set(count, now, "the server refused more");
  }

  get #triesFewer(): boolean {
    return this.#base !== undefined && this.#count < this.#base.count;
  }

  /** Whether the measurement of this number has begun. */
  #begins({ now, active, roundTripMs }: Measurement): boolean {
    if (this.#begunAt !== undefined) return true;
    if (this.#setAt === -Infinity) this.#setAt = now;
    const fewer = this.#triesFewer;
    const reached = fewer ? active <= this.#count : active >= this.#count;
    const longest = fewer ? LONG_PULL : Math.max(LONGEST_START, 8 * roundTripMs);
    if (!reached && now - this.#setAt < longest) return false;
    this.#begunAt = now;
    this.#samples = new RateSamples();
    return true;
  }

  #judge(at: Measurement): CountChange | undefined {
    const { now, roundTripMs } = at;
    const { leadTrips, ms, trips } = this.#triesFewer ? FEWER : this.#span;
    const lead = Math.max(100, leadTrips * roundTripMs);
    const span = Math.max(ms, trips * roundTripMs);
    const elapsed = now - this.#begunAt!;
    if (elapsed < lead + span) return undefined;
    const rate = this.#samples.rate(span);
    const rising = this.#samples.rate(span / 2) > RISING * rate;
    const base = this.#base;
    if (!base) {
      if (rising && elapsed < 3 * (lead + span)) return undefined;
      return this.#accept({ count: this.#count, rate }, 0, at);
    }
    const level = { count: this.#count, rate };
    if (this.#triesFewer) return this.#judgeFewer(level, base, at);
    const ratio = level.count / base.count;
    const gained = (rate / base.rate - 1) / (ratio - 1);
    if (gained >= WORTH) return this.#accept(level, gained, at, ratio);
    if (rising && elapsed < 2 * (lead + span)) return undefined;
    if (ratio > 2) return this.#set(base.count * 2, now, "fewer may be as fast");
    if (this.#span === FIRST && level.count <= USUAL) {
      // New connections disturb old ones, and so does their end: whether fewer are as fast is found out later.
      this.#doubtful = true;
      return this.#settle(rate > base.rate ? level : { ...level, rate: base.rate }, at, "");
    }
    // What was lost is still looked for.
    const lost = this.#steady?.rate ?? 0;
    return this.#settle({ ...base, rate: Math.max(base.rate, lost) }, at, "more were not faster");
  }

  #judgeFewer(level: Level, base: Level, at: Measurement): CountChange | undefined {
    const same = level.rate >= AS_FAST * base.rate;
    this.#doubtful = same && level.count > this.#fewest;
    return this.#settle(same ? level : base, at, "fewer were slower");
  }

  /** The number pays; a larger one may, too. */
  #accept(level: Level, gained: number, at: Measurement, ratio = 1): CountChange | undefined {
    this.#doubtful = ratio > 1 && gained < DOUBTFUL;
    if (this.#span === AGAIN) this.#fewest = level.count;
    [this.#pause, this.#dropPause] = [FIRST_PAUSE, DROP_PAUSE];
    const enough = level.rate >= FAST_ENOUGH * level.count;
    // More than is usual has to pay clearly.
    const doubted = this.#span === FIRST && level.count >= USUAL && this.#doubtful;
    if (level.count >= this.#ceiling || enough || doubted || isShort(level.rate, at)) {
      return this.#settle(level, at, "");
    }
    return this.#raise(level, at.now, gained >= IN_FULL ? 4 : 2);
  }

  #raise(base: Level, now: number, factor: number): CountChange | undefined {
    this.#base = base;
    this.#triedAt = now;
    const count = Math.min(this.#ceiling, base.count * factor);
    return this.#set(count, now, "more may be faster");
  }

  /** Keeps `level` for some time. */
  #settle(level: Level, { now }: Measurement, reason: string): CountChange | undefined {
    this.#base = undefined;
    this.#steady = level;
    this.#triedAt = now;
    this.#span = STEADY;
    return this.#set(level.count, now, reason);
  }

  /** The number is settled: looks from time to time whether it still serves. */
  #hold(steady: Level, at: Measurement): CountChange | undefined {
    const { now, left, roundTripMs } = at;
    const span = Math.max(2 * STEADY.ms, 12 * roundTripMs);
    const soon = Math.max(SOON, 5 * roundTripMs);
    const elapsed = now - this.#begunAt!;
    if (elapsed < soon) return undefined;
    const tried = now - this.#triedAt;
    const latest = { count: steady.count, rate: this.#samples.rate(soon) };
    const dropped = latest.rate < DROPPED * steady.rate && tried >= this.#dropPause;
    if (dropped && latest.count < this.#ceiling && !isShort(latest.rate, at)) {
      this.#dropPause = Math.min(LONGEST_PAUSE, this.#dropPause * 2);
      this.#span = AGAIN;
      return this.#raise(latest, now, 2);
    }
    if (elapsed < span) return undefined;
    const level = { count: steady.count, rate: this.#samples.rate(span) };
    this.#samples.forget(2 * span);
    if (level.rate > steady.rate) this.#steady = level;
    const msLeft = level.rate > 0 ? left / level.rate * 1000 : Infinity;
    if (this.#ceiling < MOST && now - this.#refusedAt >= this.#refusal) this.#ceiling = MOST;
    if (this.#doubtful && level.count > this.#fewest && msLeft > LONG_PULL) {
      this.#doubtful = false;
      this.#base = level;
      this.#triedAt = now;
      return this.#set(Math.ceil(level.count / 2), now, "fewer may be as fast");
    }
    const due = tried >= this.#pause && msLeft > span;
    const enough = level.rate >= FAST_ENOUGH * level.count;
    if (!due || level.count >= this.#ceiling || enough) return undefined;
    this.#pause = Math.min(LONGEST_PAUSE, this.#pause * 2);
    this.#steady = level;
    return this.#raise(level, now, 2);
  }

  #set(count: number, now: number, reason: string): CountChange | undefined {
    this.#restart(now);
    if (count === this.#count) return undefined;
    this.#count = count;
    return { count, reason };
  }

  #restart(now: number): void {
    this.#setAt = now;
    this.#begunAt = undefined;
    this.#samples = new RateSamples();
  }
}
