/**
 * How the user stops a pull, in two steps. `soft`: request no more bytes, write and hash what has
 * been received, and end. `hard`: abort immediately, the process is about to exit.
 */
export interface Stop {
  readonly soft: AbortSignal;
  readonly hard: AbortSignal;
  /**
   * For batches, which can also stop after the current item: the first call adds that as a step
   * before `soft`. Returns the signal of that step. Absent if the steps are not counted.
   */
  readonly afterThis?: () => AbortSignal;
}

/** A stop and the function that advances it. */
export interface Steps {
  readonly stop: Stop;
  /** Aborts the next signal with `reason`; false if that was `hard`, or if none is left. */
  next(reason: unknown): boolean;
}

/** The steps of one process: two, or three once `afterThis` has been called. */
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
        // `soft` is stronger than `afterThis`: if it is aborted already, the new signal is too.
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
