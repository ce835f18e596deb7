/**
 * What a faulty server does to its connections. Rates are in bytes per second. A large connection
 * is one on which a file over 1 MiB was asked for; they are numbered from 1 in order of that.
 */

export interface Faults {
  /** Rate of all connections together. */
  readonly total?: number;
  /** Rate of each connection. */
  readonly each?: number;
  /** The large connection of this number has its own rate. */
  readonly slow?: { readonly connection: number; readonly rate: number };
  /** The first large connections stay open, but send nothing after so many bytes each. */
  readonly frozen?: { readonly connections: number; readonly after: number };
  /** A connection has another rate once it has sent so many bytes. */
  readonly ageing?: { readonly after: number; readonly rate: number };
  /** Range is ignored: every response is the whole file. */
  readonly whole?: boolean;
  /** Requests beyond this number at a time are answered with 429. */
  readonly atOnce?: number;
}

/** Size in bytes above which a file makes a connection a large one. */
export const LARGE = 1 << 20;

/** What the faults of a connection depend on. */
export interface ConnectionState {
  /** Its number among the large connections; 0 for one that is not large. */
  number: number;
  /** Bytes of bodies that it has sent. */
  sent: number;
}

/** The rate of a connection in bytes per second; undefined if it has none of its own. */
export function rateOf(faults: Faults, { number, sent }: ConnectionState): number | undefined {
  const { slow, ageing, each } = faults;
  if (slow && number === slow.connection) return slow.rate;
  if (ageing && sent >= ageing.after) return ageing.rate;
  return each;
}

/** Bytes that a connection still sends before it stops for good. */
export function bytesLeft({ frozen }: Faults, { number, sent }: ConnectionState): number {
  if (!frozen || number === 0 || number > frozen.connections) return Infinity;
  return Math.max(0, frozen.after - sent);
}
