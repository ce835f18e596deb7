/** Events of made-up pulls. */

import type { Digest } from "../../src/core/digest.ts";
import { PullamaError } from "../../src/core/errors.ts";
import type { BlobRef, DryRun, PullEvent, Summary } from "../../src/core/events.ts";
import { parseName } from "../../src/core/name.ts";

/** A digest of one repeated hex digit. */
export function digest(digit: string): Digest {
  return `sha256:${digit.repeat(64)}`;
}

export const NAME = parseName("llama3.2");
export const MANIFEST_DIGEST: Digest = digest("a");
export const CONFIG: BlobRef = { digest: digest("3"), size: 485, index: 1, count: 2 };
export const MODEL: BlobRef = { digest: digest("d"), size: 2_019_000_000, index: 2, count: 2 };
export const TOTAL: number = CONFIG.size + MODEL.size;

export const SUMMARY: Summary = {
  name: NAME,
  digest: MANIFEST_DIGEST,
  blobs: 2,
  size: TOTAL,
  fetched: TOTAL,
  elapsedMs: 250_000,
};

export const DRY_RUN: DryRun = {
  name: NAME,
  digest: MANIFEST_DIGEST,
  blobs: [
    {
      digest: CONFIG.digest,
      size: 485,
      mediaType: "application/vnd.docker.container.image.v1+json",
      cached: 485,
    },
    {
      digest: MODEL.digest,
      size: MODEL.size,
      mediaType: "application/vnd.ollama.image.model",
      cached: 1_300_000_000,
    },
  ],
  size: TOTAL,
  cached: 1_300_000_485,
  toFetch: 719_000_000,
  free: 300_000_000,
  fits: false,
};

/** A token and a signature that must never be printed. */
export const SECRET = "s3cr3tt0ken";

/** The cause is an error of the runtime, which contains the full URL. */
export const RESET: PullamaError = new PullamaError("network", "connection reset", {
  hint: "check the network",
  cause: new TypeError(`error sending request for url (https://u:${SECRET}@cdn/x?sig=${SECRET})`),
});

/** One event of every kind; the type ensures that none is missing. */
export const EVERY_EVENT: { readonly [E in PullEvent as E["event"]]: E } = {
  pull_start: { event: "pull_start", name: NAME },
  manifest: { event: "manifest", digest: MANIFEST_DIGEST, blobs: 2, size: TOTAL, kept: 0 },
  blob_cached: { event: "blob_cached", blob: CONFIG },
  blob_start: { event: "blob_start", blob: MODEL, kept: 19_000_000 },
  bytes: { event: "bytes", digest: MODEL.digest, count: 1_000_000_000 },
  bytes_lost: {
    event: "bytes_lost",
    digest: MODEL.digest,
    count: 64_000_000,
    reason: "the digest of a chunk does not match",
  },
  pace: { event: "pace", rate: 2_000_000, from: "folder" },
  verifying: { event: "verifying", digest: MODEL.digest, done: 450, size: 1_000 },
  blob_verified: { event: "blob_verified", blob: MODEL, elapsedMs: 242_000.7 },
  retry: {
    event: "retry",
    digest: MODEL.digest,
    attempt: 2,
    limit: 6,
    waitMs: 4_000,
    error: RESET,
  },
  waiting: { event: "waiting", sinceMs: 180_000.4, error: RESET },
  stall: { event: "stall", digest: MODEL.digest, silentMs: 12_000 },
  connections: { event: "connections", of: "range", count: 8, reason: "more may be faster" },
  lock_wait: { event: "lock_wait", digest: MODEL.digest, holder: "pid 4711 on host" },
  checkpoint: { event: "checkpoint", digest: MODEL.digest, proven: 1_000_000_000 },
  chunk_start: {
    event: "chunk_start",
    digest: MODEL.digest,
    range: { start: 0, end: 64_000_000 },
  },
  chunk_end: {
    event: "chunk_end",
    digest: MODEL.digest,
    range: { start: 0, end: 64_000_000 },
  },
  request: {
    event: "request",
    method: "GET",
    url: `https://u:${SECRET}@cdn.example/blob?sig=${SECRET}`,
    status: 206,
    elapsedMs: 31.4,
  },
  manifest_written: { event: "manifest_written", digest: MANIFEST_DIGEST },
  note: { event: "note", message: "the list of chunks ends early" },
  warning: { event: "warning", message: "the clock is wrong", hint: "set it" },
  dry_run: { event: "dry_run", result: DRY_RUN },
  pull_completed: { event: "pull_completed", summary: SUMMARY },
  pull_interrupted: {
    event: "pull_interrupted",
    name: NAME,
    kept: 1_300_000_000,
    size: TOTAL,
  },
  pull_failed: { event: "pull_failed", name: NAME, given: "llama3.2", error: RESET },
};
