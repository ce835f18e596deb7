/** What `pullama doctor` finds out: one check for each thing between this machine and a model. */

import type { PullamaError } from "../errors.ts";
import type { ModelName } from "../name.ts";

/** In the order in which they are made. */
export const CHECK_NAMES = [
  "folder",
  "server",
  "key",
  "proxy",
  "dns",
  "tcp",
  "tls",
  "clock",
  "manifest",
  "space",
  "redirect",
  "range",
  "speed",
] as const;

export type CheckName = typeof CHECK_NAMES[number];

/**
 * `warning`: a pull goes well, but somebody may be surprised later. `skipped`: it does not apply here, or an earlier
 * one that it rests on has failed.
 */
export type CheckState = "ok" | "warning" | "failed" | "skipped";

export interface Check {
  readonly name: CheckName;
  readonly state: CheckState;
  /** The parts of one line. */
  readonly found: readonly string[];
  /** How long it took. */
  readonly ms: number;
  /** What to do about a warning or a failure. */
  readonly hint?: string;
  /** Of a failure. */
  readonly error?: PullamaError;
}

/** A host that has to be reached for a pull. */
export interface NeededHost {
  readonly host: string;
  readonly port: number;
  readonly what: "registry" | "login" | "blobs" | "proxy";
}

export interface DoctorReport {
  readonly model: ModelName;
  readonly checks: readonly Check[];
  /** As far as they came to be known. */
  readonly hosts: readonly NeededHost[];
}

/** The failure that comes first, if there is one. */
export function firstFailure({ checks }: Pick<DoctorReport, "checks">): PullamaError | undefined {
  return checks.find(({ error }) => error !== undefined)?.error;
}
