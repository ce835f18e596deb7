/** The interface of all renderers of a pull. */

import type { PullEvent } from "../../core/events.ts";
import type { Verb } from "./verb.ts";

export interface Renderer {
  /**
   * Shows an event, or ignores it. After `warning`, `pull_interrupted` and `pull_failed` the live
   * lines are cleared, so that the caller can write to stderr.
   */
  event(event: PullEvent): void;
  /** Restores the terminal. May be called at any time and more than once. */
  close(): void;
}

export interface RenderOptions {
  /** Only the result. */
  readonly quiet: boolean;
  /** Also checkpoints, requests, chunks, and the stacks of errors. */
  readonly verbose: boolean;
  /** No blob will be downloaded. */
  readonly dryRun: boolean;
  /** The place among several pulls, such as `queue 1/2`; called at every `pull_start`. */
  readonly place?: (() => string | undefined) | undefined;
  /** What it is called; default a pull. */
  readonly verb?: Verb;
}
