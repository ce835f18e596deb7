/** Which hosts send parts of blobs, as far as their responses have shown in this run. */

export class RangeSupport {
  readonly #known = new Map<string, boolean>();

  /** Undefined: unknown. */
  get(host: string): boolean | undefined {
    return this.#known.get(host);
  }

  set(host: string, sends: boolean | undefined): void {
    if (sends === undefined) this.#known.delete(host);
    else this.#known.set(host, sends);
  }

  /** Any response of a host may say that it does. */
  note(host: string, headers: Headers): void {
    const says = headers.get("accept-ranges")?.toLowerCase() === "bytes";
    if (says && !this.#known.has(host)) this.#known.set(host, true);
  }
}
