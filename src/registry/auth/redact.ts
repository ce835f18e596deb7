/** Secrets that must never be shown, even if a server repeats them, as they are or encoded. */

import { Buffer } from "node:buffer";
import { PullamaError } from "../../core/errors.ts";

/** Characters: shorter strings would match by chance. */
const MIN_LENGTH = 6;

const HIDDEN = "[hidden]";

/** Tokens, passwords and signatures of this run. */
export class Secrets {
  readonly #known = new Set<string>();
  /** All forms of all of them, the longest first; computed when needed. */
  #forms: readonly string[] | undefined;

  add(...secrets: readonly string[]): void {
    for (const secret of secrets) {
      if (secret.length < MIN_LENGTH || this.#known.has(secret)) continue;
      this.#known.add(secret);
      this.#forms = undefined;
    }
  }

  /** `text` with all of them replaced, also in base64, base64url, hex and percent-encoding. */
  hide(text: string): string {
    const shown = this.#replaced(text);
    const decoded = percentDecoded(shown);
    const replaced = this.#replaced(decoded);
    return replaced === decoded ? shown : replaced;
  }

  /** `error` with all of them replaced. Then its cause is dropped, which has them as well. */
  hideIn(error: PullamaError): PullamaError {
    const message = this.hide(error.message);
    const hint = error.hint === undefined ? undefined : this.hide(error.hint);
    if (message === error.message && hint === error.hint && !this.#isIn(error.cause)) return error;
    const { kind, retryAfterMs } = error;
    return new PullamaError(kind, message, {
      ...(hint !== undefined && { hint }),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    });
  }

  /** Whether one of them is in the message of an error, or of what caused it. */
  #isIn(error: unknown): boolean {
    return error instanceof Error &&
      (this.hide(error.message) !== error.message || this.#isIn(error.cause));
  }

  #replaced(text: string): string {
    this.#forms ??= [...new Set([...this.#known].flatMap(formsOf))]
      .sort((a, b) => b.length - a.length);
    return this.#forms.reduce((shown, form) => shown.replaceAll(form, HIDDEN), text);
  }
}

/** A secret as it is, and all encodings of it, alone or as a part of a longer text. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const hex = bytes.toString("hex");
  const inside = [0, 1, 2].flatMap((offset) => base64Inside(bytes, offset));
  const alone = [bytes.toString("base64"), bytes.toString("base64url")];
  return [secret, hex, hex.toUpperCase(), ...alone, ...inside];
}

/**
 * The characters of base64 and base64url that stand for `bytes` alone, with others before and after
 * them: `offset` bytes, modulo 3, are before them.
 */
function base64Inside(bytes: Buffer, offset: number): string[] {
  const first = Math.ceil(offset * 8 / 6);
  const end = Math.floor((offset + bytes.length) * 8 / 6);
  const padded = Buffer.concat([Buffer.alloc(offset), bytes]);
  return (["base64", "base64url"] as const).map((form) => padded.toString(form).slice(first, end));
}

/** `text` with everything decoded that is percent-encoded. */
function percentDecoded(text: string): string {
  return text.replaceAll(
    /(?:%[0-9a-f]{2})+/gi,
    (run) => Buffer.from(run.replaceAll("%", ""), "hex").toString(),
  );
}
