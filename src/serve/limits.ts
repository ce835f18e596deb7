/** How many connections and requests there may be, of all clients and of one. */

import { addressKind, ipv6Groups } from "../core/address.ts";
import { onAbort } from "../io/abort.ts";

export interface Limits {
  /** Requests that are answered at a time. */
  readonly maxClients: number;
}

/** Connections beyond the requests that are answered: clients keep some open for the next one. */
const IDLE_PER_CLIENT = 4;
const LEAST_CONNECTIONS = 256;
const LEAST_PER_ADDRESS = 96;
/** Requests that are kept for other addresses, and those that one address may always have, if there are as many. */
const FOR_OTHERS = 4;
const ALWAYS = 16;
/** Milliseconds that a request waits until another one is answered: less than pulls wait for a mirror. */
export const SLOT_WAIT_MS = 2_000;

/** A request that waits. */
interface Waiting {
  readonly address: string;
  /** As `clientOf` has it: many may wait, and this is not to be found out for each at every turn. */
  readonly client: string;
  /** Undefined: it has waited too long. */
  readonly settle: (slot: Disposable | undefined) => void;
}

/**
 * One address gets all requests but a few, so that one client cannot keep the others out. This machine itself is not
 * limited: its programs share one address, and could stop the server anyway.
 */
export class Admission {
  #connections = 0;
  #requests = 0;
  readonly #connectionsOf = new Map<string, number>();
  readonly #requestsOf = new Map<string, number>();
  /** In the order in which they came; there is at most one for each connection. */
  readonly #waiting = new Set<Waiting>();

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

  /**
   * Waits some seconds if there are too many. Undefined: there still are, or `signal` was aborted. Disposed when it is
   * answered.
   */
  async request(address: string, signal: AbortSignal): Promise<Disposable | undefined> {
    const slot = this.#slot(address);
    if (slot) return slot;
    const { promise, resolve } = Promise.withResolvers<Disposable | undefined>();
    const settle = (given: Disposable | undefined) => {
      this.#waiting.delete(waiting);
      resolve(given);
    };
    const waiting = { address, client: clientOf(address), settle };
    this.#waiting.add(waiting);
    const timer = setTimeout(() => settle(undefined), SLOT_WAIT_MS);
    using _listener = onAbort(signal, () => settle(undefined));
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  #slot(address: string): Disposable | undefined {
    const { maxClients } = this.limits;
    if (this.#requests >= maxClients) return undefined;
    const most = Math.max(maxClients - FOR_OTHERS, ALWAYS);
    const taken = taking(this.#requestsOf, address, most);
    if (!taken) return undefined;
    this.#requests++;
    return once(() => {
      this.#requests--;
      taken();
      this.#letIn();
    });
  }

  /** The next one is of the address that has the fewest. */
  #letIn(): void {
    const countOf = ({ client }: Waiting) => this.#requestsOf.get(client) ?? 0;
    for (const waiting of [...this.#waiting].sort((a, b) => countOf(a) - countOf(b))) {
      const slot = this.#slot(waiting.address);
      if (!slot) continue;
      waiting.settle(slot);
      return;
    }
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
  return ipv6Groups(canonical.slice(1, -1)).slice(0, 4).join(":");
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
