/** A clock that a test advances. */

import type { Clock } from "../../src/ui/terminal/clock.ts";

export interface FakeClock extends Clock {
  /** Advances the time; ticks run when they are due. */
  advance(ms: number): void;
  /** Number of intervals that were not stopped. */
  readonly pending: number;
}

export function fakeClock(): FakeClock {
  const start = Date.UTC(2026, 0, 2, 3, 4, 5);
  const tickers = new Set<{ readonly ms: number; due: number; readonly tick: () => void }>();
  let now = 0;

  return {
    now: () => now,
    date: () => new Date(start + now),
    every(ms, tick) {
      const ticker = { ms, due: now + ms, tick };
      tickers.add(ticker);
      return () => void tickers.delete(ticker);
    },
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const [next] = [...tickers].filter((t) => t.due <= end).sort((a, b) => a.due - b.due);
        if (next === undefined) break;
        now = next.due;
        next.due += next.ms;
        next.tick();
      }
      now = end;
    },
    get pending() {
      return tickers.size;
    },
  };
}
