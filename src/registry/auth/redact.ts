/** Secrets that must never be shown, even if a server echoes them. */

/** Characters: shorter strings would match by chance. */
const MIN_LENGTH = 6;

/** Tokens, passwords and signatures of this run. */
export class Secrets {
  readonly #known = new Set<string>();

  add(...secrets: readonly string[]): void {
    for (const secret of secrets) if (secret.length >= MIN_LENGTH) this.#known.add(secret);
  }

  /** `text` with all of them replaced. */
  hide(text: string): string {
    const longestFirst = [...this.#known].sort((a, b) => b.length - a.length);
    return longestFirst.reduce((shown, secret) => shown.replaceAll(secret, "[hidden]"), text);
  }
}
