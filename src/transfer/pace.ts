/** How fast a pull may be, and who is told of it. */

import type { Emit, PaceState } from "../core/events.ts";
import type { Pace } from "../io/limit.ts";

/** A pace that says why it is what it is; undefined: it is as the user has set it for this pull. */
export interface PullPace extends Pace {
  readonly state?: PaceState | undefined;
  /** The hours at which it is open, for people; absent: at any time. */
  readonly hours?: string | undefined;
}

/** Reports what holds, where it is not what the user has set for this pull, and each change of it. */
export function tellOf(pace: PullPace, emit: Emit): Disposable {
  const tell = () => {
    if (pace.state) emit({ event: "pace", ...pace.state });
  };
  if (!pace.open || pace.state?.from) tell();
  return pace.onChange(tell);
}
