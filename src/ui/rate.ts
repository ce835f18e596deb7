/** How fast bytes come at the moment. */

import type { Clock } from "./renderer.ts";

/** Long enough to smooth the steps of a connection, short enough to show a change. */
const WINDOW_MS = 8_000;
const SAMPLE_MS = 250;
/** Below this there is too little to divide by. */
const SETTLED_MS = 1_000;

export interface RateMeter {
  add(bytes: number): void;
  /** Bytes a second over the last eight seconds; undefined in the first second. */
  rate(): number | undefined;
}

export function rateMeter(clock: Clock): RateMeter {
  let total = 0;
  const samples: { readonly at: number; readonly total: number }[] = [];

  return {
    add(bytes) {
      total += bytes;
      const at = clock.now();
      const last = samples.at(-1);
      if (last === undefined || at - last.at >= SAMPLE_MS) samples.push({ at, total });
    },
    rate() {
      const now = clock.now();
      while (samples[1] !== undefined && now - samples[1].at >= WINDOW_MS) samples.shift();
      const oldest = samples[0];
      if (oldest === undefined || now - oldest.at < SETTLED_MS) return undefined;
      return (total - oldest.total) / (now - oldest.at) * 1_000;
    },
  };
}
