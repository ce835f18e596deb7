/** The report of `pullama doctor`. */

import type { PullamaError } from "../errors.ts";
import type { ModelName } from "../name.ts";

/** In the order in which they run. */
export const CHECK_NAMES = [
  "folder",
  "server",
  "key",
  "proxy",
  "dns",
  "tcp",
  "tls",
  "clock",
  "mirror",
  "manifest",
  "space",
  "redirect",
  "range",
  "speed",
] as const;

export type CheckName = typeof CHECK_NAMES[number];

/**
 * `warning`: a pull succeeds, but its result may be unexpected. `skipped`: the check does not
 * apply, or an earlier check that it depends on failed.
 */
export type CheckState = "ok" | "warning" | "failed" | "skipped";

export interface Check {
  readonly name: CheckName;
  readonly state: CheckState;
  /** The findings, shown on one line. */
  readonly found: readonly string[];
  /** Duration in milliseconds. */
  readonly ms: number;
  /** What to do about a warning or failure. */
  readonly hint?: string;
  /** Set if the check failed. */
  readonly error?: PullamaError;
}

/** A host that a pull has to reach. */
export interface NeededHost {
  readonly host: string;
  readonly port: number;
  readonly what: "registry" | "login" | "blobs" | "proxy" | "mirror";
}

export interface DoctorReport {
  readonly model: ModelName;
  readonly checks: readonly Check[];
  /** As far as known. */
  readonly hosts: readonly NeededHost[];
}

/** The error of the first check that failed. */
export function firstFailure({ checks }: Pick<DoctorReport, "checks">): PullamaError | undefined {
  return checks.find(({ error }) => error !== undefined)?.error;
}
