/** Failures that are believed when they come twice: the first may be an accident on the way. */
export class Confirmer {
  readonly #first = new Map<string, number>();
  #time = 0;

  /** The moment at which a request begins. */
  now(): number {
    return ++this.#time;
  }

  /**
   * Whether the failure of a request that began at `began` bears out an earlier one of the same subject.
   * Failures of requests that were under way together count as one.
   */
  confirmed(subject: string, began: number): boolean {
    const first = this.#first.get(subject);
    if (first === undefined) this.#first.set(subject, this.now());
    return first !== undefined && began > first;
  }

  /** The subject has done well. */
  clear(subject: string): void {
    this.#first.delete(subject);
  }
}
