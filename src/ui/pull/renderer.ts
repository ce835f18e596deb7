/** What every way of showing a pull has in common. */

import type { PullEvent } from "../../core/events.ts";

export interface Renderer {
  /**
   * Shows what happened, or decides not to. After `warning`, `pull_interrupted` and `pull_failed` nothing
   * is left that other text would disturb: the caller says the rest on stderr.
   */
  event(event: PullEvent): void;
  /** Gives the screen back. May be called at any time and more than once. */
  close(): void;
}

export interface RenderOptions {
  /** Nothing but how it ended. */
  readonly quiet: boolean;
  /** Also what happens between the steps: checkpoints, requests, chunks, and where errors arose. */
  readonly verbose: boolean;
  /** Nothing will be fetched. */
  readonly dryRun: boolean;
  /** Which of several pulls begins, in words such as `queue 1/2`; asked at every beginning. */
  readonly place?: (() => string | undefined) | undefined;
}
