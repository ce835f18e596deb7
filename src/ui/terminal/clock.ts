/** The time that screens are drawn by. */

/** Time as renderers need it. Milliseconds. */
export interface Clock {
  /** Never goes back. */
  now(): number;
  /** The time of day. */
  date(): Date;
  /** Calls `tick` again and again until the returned function is called. */
  every(ms: number, tick: () => void): () => void;
}
