/** How fast a pull may be at each moment: by its own flags, the time of day, and what is set for its models folder. */

import type { PaceState } from "../../core/events.ts";
import type { PullPace } from "../../transfer/pace.ts";
import {
  type Hours,
  hoursText,
  isOpenAt,
  nextMinute,
  rateAt,
  type Timetable,
} from "./timetable.ts";

/** What other commands have set for the folder. */
export interface FolderPace {
  readonly rate: number | undefined;
  readonly paused: boolean;
}

export interface PaceOptions {
  readonly timetable: Timetable;
  /** When bytes may be requested; none: always. */
  readonly windows: readonly Hours[];
  readonly folder: () => Promise<FolderPace>;
  readonly now: () => Date;
}

/** Milliseconds between two looks. */
const LOOK_MS = 1000;

/** The pace by all of these; looks for changes until it is disposed. */
export async function livePace(options: PaceOptions): Promise<LivePace> {
  return new LivePace(options, await options.folder());
}

export class LivePace implements PullPace, Disposable {
  readonly #listeners = new Set<() => void>();
  readonly #timer: ReturnType<typeof setInterval>;
  #state: PaceState;
  #looking = false;

  constructor(private readonly options: PaceOptions, folder: FolderPace) {
    this.#state = this.#withUntil(this.#at(folder));
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
  }

  get rate(): number | undefined {
    return this.#state.rate;
  }

  get open(): boolean {
    return this.#state.closed === undefined;
  }

  get hours(): string | undefined {
    const { windows } = this.options;
    return windows.length === 0 ? undefined : windows.map(hoursText).join(", ");
  }

  get state(): PaceState {
    return this.#state;
  }

  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const state = this.#at(await this.options.folder());
      const { rate, from, closed } = this.#state;
      if (state.rate === rate && state.from === from && state.closed === closed) return;
      this.#state = this.#withUntil(state);
      for (const listener of [...this.#listeners]) listener();
    } finally {
      this.#looking = false;
    }
  }

  #at(folder: FolderPace): PaceState {
    const { timetable, windows } = this.options;
    const now = this.options.now();
    const rate = folder.rate ?? rateAt(timetable, now);
    const byTime = timetable.at.length > 0 ? "time" : undefined;
    const from = folder.rate === undefined ? byTime : "folder";
    const limits: PaceState = { ...(rate !== undefined && { rate }), ...(from && { from }) };
    if (folder.paused) return { ...limits, closed: "paused" };
    return isOpenAt(windows, now) ? limits : { ...limits, closed: "window" };
  }

  /** Looks at up to two days minute by minute: for a change only. */
  #withUntil(state: PaceState): PaceState {
    const { timetable, windows } = this.options;
    const now = this.options.now();
    if (state.closed === "window") {
      return { ...state, ...untilOf(nextMinute(now, (date) => isOpenAt(windows, date))) };
    }
    if (state.closed || state.from !== "time") return state;
    const { rate } = state;
    return { ...state, ...untilOf(nextMinute(now, (date) => rateAt(timetable, date) !== rate)) };
  }
}

function untilOf(date: Date | undefined): Pick<PaceState, "until"> {
  return date ? { until: date.getTime() } : {};
}
