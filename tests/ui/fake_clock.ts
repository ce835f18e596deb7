/** Time that passes when a test says so. */

import type { Clock } from "../../src/ui/terminal/clock.ts";

export interface FakeClock extends Clock {
  /** Lets time pass; what is due happens at its time. */
  advance(ms: number): void;
  /** How many ticks somebody still waits for. */
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
