import type { Kind } from "../../core/errors.ts";

/** What went wrong: `reason` is the rest of a sentence that says what could not be reached. */
export interface Trouble {
  readonly kind: Kind;
  readonly reason: string;
  readonly hint?: string;
}
