/** The rows of `pullama queue list`. */

import type { ModelName } from "../name.ts";

/** The model of a queue entry. */
export interface QueueModel {
  /** The full name, as on a command line. */
  readonly given: string;
  /** Undefined if it is not a valid name. */
  readonly name: ModelName | undefined;
}

/** A queue entry. */
export interface QueueRow extends QueueModel {
  /** Counted from 1. */
  readonly position: number;
  /** `queued`, `active`, `completed`, `failed`, or a status set by another program. */
  readonly status: string;
  readonly addedAt: string | undefined;
  readonly finishedAt: string | undefined;
  /** The error message if it failed. */
  readonly error: string | undefined;
}
