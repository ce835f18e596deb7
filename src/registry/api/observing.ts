/** What those who watch a registry are told: no secrets, and nothing twice. */

import { PullamaError } from "../../core/errors.ts";
import type { Secrets } from "../auth/redact.ts";

/** The result of `work`; if it fails, without our secrets, whatever a server repeats. */
export async function hiding<T>(secrets: Secrets, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof PullamaError ? secrets.hideIn(error) : error;
  }
}

/** `warn`, called once per message. */
export function once(
  warned: Set<string>,
  warn: ((message: string, hint: string) => void) | undefined,
): (message: string, hint: string) => void {
  return (message, hint) => {
    if (!warned.has(message)) warn?.(message, hint);
    warned.add(message);
  };
}
