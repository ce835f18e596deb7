/** Failures that are final only when repeated: the first may come from something in between. */
export class Confirmer {
  readonly #first = new Map<string, number>();
  #time = 0;

  /** The start of a request, on a logical clock. */
  now(): number {
    return ++this.#time;
  }

  /**
   * Whether the failure of a request that began at `began` confirms an earlier one of the same
   * subject. Failures of concurrent requests count as one.
   */
  confirmed(subject: string, began: number): boolean {
    const first = this.#first.get(subject);
    if (first === undefined) this.#first.set(subject, this.now());
    return first !== undefined && began > first;
  }

  /** A request of the subject succeeded. */
  clear(subject: string): void {
    this.#first.delete(subject);
  }
}
