/**
 * How the user takes a pull back, in two steps. `soft`: ask for no more bytes, bring what has arrived
 * to disk, prove it and end. `hard`: drop everything, the process is about to go.
 */
export interface Stop {
  readonly soft: AbortSignal;
  readonly hard: AbortSignal;
}
