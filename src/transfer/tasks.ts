/** What runs at the same time for one pull: its first failure ends all of it. */

export class Tasks {
  readonly #running = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  /** `fail` is called with the first failure, `changed` whenever a task has ended. */
  constructor(
    private readonly signal: AbortSignal,
    private readonly fail: (error: unknown) => void,
    private readonly changed: () => void,
  ) {}

  /** Adds a task; `group` contains it as well until it has ended. */
  add(task: Promise<void>, group?: Set<Promise<void>>): void {
    const running = this.guard(() => task).finally(() => {
      this.#running.delete(running);
      group?.delete(running);
      this.changed();
    });
    this.#running.add(running);
    group?.add(running);
  }

  get none(): boolean {
    return this.#running.size === 0;
  }

  /** Resolves when those that are running now have ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#running);
  }

  /** Calls `act`; its failure counts as that of a task. */
  async guard(act: () => Promise<void> | void): Promise<void> {
    try {
      await act();
    } catch (error) {
      const { signal } = this;
      if (!this.#failure && !(signal.aborted && error === signal.reason)) {
        this.#failure = { error };
        this.fail(error);
      }
      this.changed();
    }
  }

  throwIfFailed(): void {
    if (this.#failure) throw this.#failure.error;
  }
}
