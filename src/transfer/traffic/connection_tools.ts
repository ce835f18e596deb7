/** What connections work with. */

import type { PullamaError } from "../../core/errors.ts";
import type { PullContext } from "../context.ts";
import type { Retrier } from "../retry/retrier.ts";
import type { Fetcher } from "./fetcher.ts";

export interface ConnectionTools {
  readonly fetcher: Fetcher;
  readonly retrier: Retrier;
  readonly context: PullContext;
  /** A response has begun: other connections may know more now. */
  readonly responded: () => void;
  /** An attempt failed after so many bytes; throws to give the range back instead of trying again. */
  readonly refused: (error: PullamaError, bytes: number) => void;
}
