/** The result of `pullama status`. */

import type { PartialModel } from "./partial.ts";

/** A model that is being pulled. */
export interface RunningPull extends PartialModel {
  /** Bytes per second, measured for about a second; undefined: there was only one look. */
  readonly bytesPerSecond?: number;
}

export interface StatusReport {
  readonly pulls: readonly RunningPull[];
  /** What is set for all pulls of the folder: bytes per second, and whether they are paused. */
  readonly rate: number | undefined;
  readonly paused: boolean;
}
