/** What downloads a range, as far as plans have to know it, and how it gives a range up. */

import { PullamaError } from "../../core/errors.ts";

/** Why a connection gives up its range without a failure: another one downloads what is left of it. */
export const YIELD: PullamaError = new PullamaError(
  "protocol",
  "another connection downloads the rest of this range",
);

/** A connection, as far as the plan has to know it. */
export interface Downloader {
  /** Bytes a second; 0: unknown. */
  readonly rate: number;
  /** Milliseconds since it has received anything, while it waits for data; 0: it does not. */
  readonly quietMs: number;
}
