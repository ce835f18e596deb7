/** What is told of an entry of the queue. */

import type { ModelName } from "../name.ts";

/** Which model an entry means. */
export interface QueueModel {
  /** As on a command line, in full. */
  readonly given: string;
  /** Undefined if it is no name. */
  readonly name: ModelName | undefined;
}

/** An entry of the queue. */
export interface QueueRow extends QueueModel {
  /** From 1. */
  readonly position: number;
  /** `queued`, `active`, `completed`, `failed`, or a word of another program. */
  readonly status: string;
  readonly addedAt: string | undefined;
  readonly finishedAt: string | undefined;
  /** Why it failed. */
  readonly error: string | undefined;
}
