/**
 * How much of a blob a connection requests at a time: a few seconds of its own rate, so that the pieces of all
 * connections end near each other, the hash can follow, and a slow connection holds up little.
 */

const KIB = 1024;
const MIB = 1024 * KIB;
/** A piece takes so many round trips, one more of which is lost before it, within these limits in seconds. */
const LONG_ROUND_TRIPS = 75;
const LONGEST = 6;
const SHORTEST = 0.5;
/** The first piece of a connection whose rate cannot be guessed. */
const FIRST = 4 * MIB;
/** Requests for less cost more than they are worth, unless even this takes too long. */
const WORTH = MIB;
/** The shortest piece, and the multiple that lengths are rounded to. */
const LEAST = 64 * KIB;
/** A piece takes at least so many round trips. */
const ROUND_TRIPS = 12;

export interface PieceNeed {
  /** Bytes a second of this connection, or of its like; 0: unknown. */
  readonly rate: number;
  readonly connections: number;
  readonly roundTripMs: number;
  /** Bytes that no connection has; Infinity while further blobs follow. */
  readonly left: number;
  /** How far ahead of the first missing byte bytes are requested. */
  readonly window: number;
  /** Bytes a second of all connections together; undefined: no limit. */
  readonly limitRate: number | undefined;
}

/** In bytes; Infinity for the only connection without a limit, which needs no pieces. */
export function pieceLength(
  { rate, connections, roundTripMs, left, window, limitRate }: PieceNeed,
): number {
  if (connections === 1 && limitRate === undefined) return Infinity;
  const seconds = Math.max(SHORTEST, LONG_ROUND_TRIPS * roundTripMs / 1000);
  const usual = Math.min(rate * LONGEST, Math.max(rate * seconds, WORTH));
  // What is requested arrives, whatever is read of it: with a limit, a second of it at most.
  const most = Math.min(
    rate > 0 ? usual : FIRST,
    window / (2 * connections),
    (limitRate ?? Infinity) / connections,
  );
  // Shorter towards the end, so that all connections finish together.
  const share = left / connections / 1.5;
  const least = Math.min(most, rate * ROUND_TRIPS * roundTripMs / 1000);
  return Math.ceil(Math.max(LEAST, least, Math.min(most, share)) / LEAST) * LEAST;
}
