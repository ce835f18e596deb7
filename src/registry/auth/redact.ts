/** What must never be shown, even if a server says it back to us. */

/** Shorter texts would be found in anything. */
const SHORTEST = 6;

/** Tokens, passwords and signatures of this run. */
export class Secrets {
  readonly #known = new Set<string>();

  add(...secrets: readonly string[]): void {
    for (const secret of secrets) if (secret.length >= SHORTEST) this.#known.add(secret);
  }

  /** `text` without any of them. */
  hide(text: string): string {
    const longestFirst = [...this.#known].sort((a, b) => b.length - a.length);
    return longestFirst.reduce((shown, secret) => shown.replaceAll(secret, "[hidden]"), text);
  }
}
