/** What a server of models reports. */

/** A request that was answered. */
export interface ServedRequest {
  /** The address of the client. */
  readonly client: string;
  /** Both empty where the request could not be read. */
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** Bytes of the body that were sent. */
  readonly bytes: number;
  /** Whether the whole answer was sent. */
  readonly complete: boolean;
  readonly elapsedMs: number;
}

/** What a folder offers at the start. */
export interface Offer {
  /** Names of complete models that are served. */
  readonly served: readonly string[];
  /** Names of those that are not, because they may not be public. */
  readonly withheld: readonly string[];
  /** Names of those that are not complete. */
  readonly incomplete: readonly string[];
}

/** A server that has started. */
export interface ServerStart {
  readonly modelsDir: string;
  /** URLs at which other programs reach it, the best one first. */
  readonly urls: readonly string[];
  /** "this machine": a loopback address. */
  readonly reach: "this machine" | "the network";
  readonly offer: Offer;
}

/** What it has done until it was stopped. */
export interface ServerEnd {
  readonly requests: number;
  readonly bytes: number;
}
