/** A source beside the registry, and a request to it. */

import type { Source } from "../../core/content.ts";
import type { FollowingController } from "../../io/abort.ts";
import type { Health } from "./health.ts";

export interface Mirror {
  /** Its name for people, and its identity. */
  readonly url: string;
  readonly source: Source;
  readonly health: Health;
}

/** A request that is under way. */
export interface Asked {
  readonly control: FollowingController;
  /** Its time, for `Health.failed`. */
  readonly since: number;
  /** Ends its share, with the bytes that it got. */
  readonly share: (bytes: number) => void;
}
