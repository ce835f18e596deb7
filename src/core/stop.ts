/**
 * How the user takes a pull back, in two steps. `soft`: ask for no more bytes, bring what has arrived
 * to disk, prove it and end. `hard`: drop everything, the process is about to go.
 */
export interface Stop {
  readonly soft: AbortSignal;
  readonly hard: AbortSignal;
  /**
   * For work of several pieces, which can also end after the piece at hand: from the first call on, that is
   * one step more, before `soft`. Returns the signal of that step. Absent where steps are not counted.
   */
  readonly afterThis?: () => AbortSignal;
}

/** A stop whose steps are taken one by one. */
export interface Steps {
  readonly stop: Stop;
  /** Takes the next step; false once `hard` was it, or there is none left. `reason` is what it aborts with. */
  next(reason: unknown): boolean;
}

/** The steps of one process: two, or three from when somebody asks for `afterThis`. */
export function stopSteps(): Steps {
  const after = new AbortController();
  const soft = new AbortController();
  const hard = new AbortController();
  let steps = [soft, hard];
  return {
    stop: {
      soft: soft.signal,
      hard: hard.signal,
      afterThis() {
        // Whoever has asked for more already shall not get less.
        if (soft.signal.aborted) after.abort(soft.signal.reason);
        else if (!steps.includes(after)) steps = [after, ...steps];
        return after.signal;
      },
    },
    next(reason) {
      const step = steps.find(({ signal }) => !signal.aborted);
      step?.abort(reason);
      return step !== undefined && step !== hard;
    },
  };
}
