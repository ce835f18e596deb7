/** What is under way in a pull at this moment, blob by blob. */

import type { Digest } from "../../core/digest.ts";
import type { BlobRef, PullEvent } from "../../core/events.ts";
import type { Flight, Overall } from "./active_blob.ts";
import type { Clock } from "../terminal/clock.ts";
import { isNamed } from "./active_blob.ts";

type Changing<T> = { -readonly [K in keyof T]: T[K] };

export interface Flights {
  /** Takes in what happened; as quick for the millionth event as for the first. */
  fold(event: PullEvent): void;
  readonly overall: Overall;
  /** Blobs that are done. */
  readonly finished: number;
  /** All that is under way, in the order in which it began. */
  all(): Iterable<Flight>;
  /** How many they are. */
  readonly count: number;
  /** Whether it is worth a line of its own. */
  named(flight: Flight): boolean;
}

/** What is under way in one pull: a new `pull_start` starts again from nothing. */
export function foldFlights(clock: Clock): Flights {
  let flights = new Map<Digest, Changing<Flight>>();
  let over = new Set<Digest>();
  let overall = nothing(clock);
  let total = 0;

  /** Undefined for a blob that is done: what is still said about it comes too late. */
  function of(digest: Digest): Changing<Flight> | undefined {
    if (over.has(digest)) return undefined;
    const known = flights.get(digest);
    if (known !== undefined) return known;
    const now = clock.now();
    const flight: Changing<Flight> = {
      digest,
      blob: undefined,
      done: 0,
      since: now,
      movedAt: now,
      connections: 0,
      checked: undefined,
      retry: undefined,
      stalled: undefined,
      lock: undefined,
    };
    flights.set(digest, flight);
    return flight;
  }

  /** Something has come: what stood in the way does so no more. */
  function moved(): void {
    overall.gone = overall.retry = overall.lock = undefined;
  }

  function finish({ digest }: BlobRef): void {
    flights.delete(digest);
    over.add(digest);
    moved();
  }

  function arrived(flight: Changing<Flight>, count: number): void {
    const now = clock.now();
    flight.done = Math.min(flight.blob?.size ?? Infinity, flight.done + count);
    flight.movedAt = now;
    flight.stalled = undefined;
    if (flight.retry !== undefined && flight.retry.until <= now) flight.retry = undefined;
    if (overall.gone !== undefined || overall.retry !== undefined) moved();
  }

  function fold(event: PullEvent): void {
    switch (event.event) {
      case "pull_start":
        flights = new Map();
        over = new Set();
        overall = nothing(clock);
        total = 0;
        break;
      case "manifest":
        overall.blobs = event.blobs;
        total = event.size;
        moved();
        break;
      case "blob_cached":
      case "blob_verified":
        finish(event.blob);
        break;
      case "blob_start": {
        over.delete(event.blob.digest);
        const flight = of(event.blob.digest);
        if (flight === undefined) break;
        flight.blob = event.blob;
        flight.done = event.kept;
        flight.lock = flight.checked = undefined;
        flight.movedAt = clock.now();
        moved();
        break;
      }
      case "bytes": {
        const flight = flights.get(event.digest);
        if (flight !== undefined) arrived(flight, event.count);
        break;
      }
      case "bytes_lost": {
        const flight = flights.get(event.digest);
        if (flight !== undefined) flight.done = Math.max(0, flight.done - event.count);
        break;
      }
      case "verifying": {
        const { done, size } = event;
        const flight = of(event.digest);
        if (flight === undefined) break;
        flight.checked = done < size ? { done, size, at: clock.now() } : undefined;
        break;
      }
      case "chunk_start":
      case "chunk_end": {
        const flight = flights.get(event.digest);
        if (flight === undefined) break;
        const ended = event.event === "chunk_end";
        flight.connections = Math.max(0, flight.connections + (ended ? -1 : 1));
        if (!ended) break;
        overall.counted = true;
        if (flight.connections === 0) flight.retry = flight.stalled = undefined;
        break;
      }
      case "retry": {
        const retry = { event, until: clock.now() + event.waitMs };
        const target = event.digest === undefined ? overall : of(event.digest);
        if (target !== undefined) target.retry = retry;
        break;
      }
      case "stall": {
        const flight = of(event.digest);
        if (flight !== undefined) flight.stalled = event.silentMs;
        break;
      }
      case "lock_wait": {
        const target = event.digest === undefined ? overall : of(event.digest);
        if (target !== undefined) target.lock = { holder: event.holder };
        break;
      }
      case "waiting":
        overall.gone = { since: clock.now() - event.sinceMs, error: event.error };
        break;
      default:
        break;
    }
  }

  return {
    fold,
    get overall() {
      return overall;
    },
    get finished() {
      return over.size;
    },
    all: () => flights.values(),
    get count() {
      return flights.size;
    },
    named: ({ blob }) => blob === undefined || isNamed(blob, total),
  };
}

function nothing(clock: Clock): Changing<Overall> {
  return {
    since: clock.now(),
    blobs: 0,
    retry: undefined,
    gone: undefined,
    lock: undefined,
    counted: false,
  };
}
