/** How many connections and requests there may be, of all clients and of one. */

import { addressKind } from "../core/address.ts";

export interface Limits {
  /** Requests that are answered at a time. */
  readonly maxClients: number;
}

/** Connections beyond the requests that are answered: clients keep some open for the next one. */
const IDLE_PER_CLIENT = 4;
const LEAST_CONNECTIONS = 256;
const LEAST_PER_ADDRESS = 64;

/**
 * One address gets at most half of all requests, so that one client cannot keep the others out. This machine itself is
 * not limited: its programs share one address, and could stop the server anyway.
 */
export class Admission {
  #connections = 0;
  #requests = 0;
  readonly #connectionsOf = new Map<string, number>();
  readonly #requestsOf = new Map<string, number>();

  constructor(private readonly limits: Limits) {}

  /** Whether a further connection may be open at all. */
  get full(): boolean {
    const { maxClients } = this.limits;
    return this.#connections >= Math.max(LEAST_CONNECTIONS, IDLE_PER_CLIENT * maxClients);
  }

  /** Undefined: there are too many from that address. Disposed when it is closed. */
  connection(address: string): Disposable | undefined {
    const most = Math.max(LEAST_PER_ADDRESS, this.limits.maxClients);
    const taken = taking(this.#connectionsOf, address, most);
    if (!taken) return undefined;
    this.#connections++;
    return once(() => {
      this.#connections--;
      taken();
    });
  }

  /** Undefined: there are too many. Disposed when it is answered. */
  request(address: string): Disposable | undefined {
    const { maxClients } = this.limits;
    if (this.#requests >= maxClients) return undefined;
    const taken = taking(this.#requestsOf, address, Math.ceil(maxClients / 2));
    if (!taken) return undefined;
    this.#requests++;
    return once(() => {
      this.#requests--;
      taken();
    });
  }
}

/** Counts one more for the client, and returns what takes that back; undefined: there are `most`. */
function taking(
  counts: Map<string, number>,
  address: string,
  most: number,
): (() => void) | undefined {
  const client = clientOf(address);
  const count = counts.get(client) ?? 0;
  if (count >= most && addressKind(address) !== "loopback") return undefined;
  counts.set(client, count + 1);
  return () => {
    const left = counts.get(client)! - 1;
    if (left === 0) counts.delete(client);
    else counts.set(client, left);
  };
}

/** An IPv6 network of 64 bits counts as one address: every machine may have all of it. */
function clientOf(address: string): string {
  const canonical = URL.parse(`http://[${address.replace(/%.*$/, "")}]/`)?.hostname;
  if (canonical === undefined || canonical.startsWith("[::ffff:")) return canonical ?? address;
  const [head = "", tail] = canonical.slice(1, -1).split("::");
  const groups = head.split(":");
  while (tail !== undefined && groups.length < 4) groups.push("0");
  return groups.slice(0, 4).join(":");
}

function once(act: () => void): Disposable {
  let done = false;
  return {
    [Symbol.dispose]() {
      if (!done) act();
      done = true;
    },
  };
}
