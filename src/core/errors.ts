/**
 * One error class, one closed list of kinds, and one table with the exit code and remedy of each
 * kind. Errors of the runtime are converted where they arise: `io/file_error` for files,
 * `registry/diagnose/network_error` for the network.
 */

/** The process exit code of the first failure among `results`, or 0. */
export function exitCodeOfFirst(
  results: readonly { readonly error?: PullamaError | undefined }[],
): 0 | 1 | 2 | 3 | 4 {
  const error = results.find((one) => one.error !== undefined)?.error;
  return error === undefined ? 0 : exitCodeOf(error.kind);
}

/** How to retry after a failure. */
export type Remedy =
  /** Do not retry: the next attempt would fail the same way. */
  | "none"
  /** Final for a first request. Once the server has sent bytes of the model, wait and retry. */
  | "recheck"
  /** Wait and retry: the network or the server may recover. */
  | "wait"
  /** Ask the registry for the blob's URL again. */
  | "resolve"
  /** Download the same bytes again. */
  | "refetch";

interface Meaning {
  readonly exitCode: 0 | 1 | 2 | 3 | 4;
  readonly remedy: Remedy;
}

/** The kind of a failure as a word for programs, as in `--output json`. New kinds may be added. */
export type Kind =
  /** Invalid arguments or options. */
  | "usage"
  /** Not a valid model name. */
  | "invalid_name"
  /** Model not found. */
  | "not_found"
  /** The tag has another manifest than the one that was asked for. */
  | "moved"
  /** Authentication required, or access denied. */
  | "auth"
  /** Not enough disk space. */
  | "disk_full"
  /** A file system error: permission denied, read-only, input/output error. */
  | "local"
  /** Another process holds the lock. */
  | "busy"
  /** The manifest is malformed or unsafe. */
  | "manifest"
  /** A permanent error response: forbidden, gone, a newer client required. */
  | "refused"
  /** A redirect that must not be followed. */
  | "redirect"
  /** The server's certificate is not trusted. */
  | "tls"
  /** Not an archive of models, or a damaged one. */
  | "archive"
  /** Registry and manifest disagree on the size of a blob. */
  | "size"
  /** A response that violates the protocol: wrong range, wrong encoding, no length. */
  | "protocol"
  /** No connection: host not found, connection refused, reset or closed early. */
  | "network"
  /** Timeout, or no data received for too long. */
  | "timeout"
  /** The server is temporarily unavailable (429, 5xx). */
  | "unavailable"
  /** The URL of the blob has expired or moved. */
  | "stale"
  /** Digest mismatch. */
  | "digest"
  /** Stopped by the user; the pull can be resumed. */
  | "interrupted"
  /** A bug in pullama. */
  | "internal";

const KINDS: Readonly<Record<Kind, Meaning>> = {
  usage: { exitCode: 1, remedy: "none" },
  invalid_name: { exitCode: 1, remedy: "none" },
  not_found: { exitCode: 4, remedy: "recheck" },
  moved: { exitCode: 1, remedy: "none" },
  auth: { exitCode: 3, remedy: "recheck" },
  disk_full: { exitCode: 2, remedy: "none" },
  local: { exitCode: 1, remedy: "none" },
  busy: { exitCode: 1, remedy: "none" },
  manifest: { exitCode: 1, remedy: "none" },
  refused: { exitCode: 1, remedy: "recheck" },
  redirect: { exitCode: 1, remedy: "recheck" },
  tls: { exitCode: 1, remedy: "recheck" },
  archive: { exitCode: 1, remedy: "none" },
  size: { exitCode: 1, remedy: "none" },
  protocol: { exitCode: 1, remedy: "wait" },
  network: { exitCode: 1, remedy: "wait" },
  timeout: { exitCode: 1, remedy: "wait" },
  unavailable: { exitCode: 1, remedy: "wait" },
  stale: { exitCode: 1, remedy: "resolve" },
  digest: { exitCode: 1, remedy: "refetch" },
  interrupted: { exitCode: 0, remedy: "none" },
  internal: { exitCode: 1, remedy: "none" },
};

/** The exit code of a command that a signal has ended and that leaves nothing to resume. */
export const INTERRUPTED = 1;

/** Optional properties of an error. */
export interface PullamaErrorOptions {
  /** What the user can do about it, one sentence. */
  readonly hint?: string;
  /** The underlying error. */
  readonly cause?: unknown;
  /** The server's Retry-After, in milliseconds. */
  readonly retryAfterMs?: number;
}

/** The error thrown by pullama's functions. The message is one sentence without a period. */
export class PullamaError extends Error {
  /** Always "PullamaError". */
  override readonly name = "PullamaError";
  /** The kind of failure. */
  readonly kind: Kind;
  /** What the user can do about it, one sentence. */
  readonly hint?: string;
  /** The server's Retry-After, in milliseconds. */
  readonly retryAfterMs?: number;

  /** `message` is one sentence: what could not be done, to what, and why. */
  constructor(kind: Kind, message: string, options: PullamaErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    if (options.hint !== undefined) this.hint = options.hint;
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
  }
}

/** The process exit code for a failure of this kind. */
export function exitCodeOf(kind: Kind): 0 | 1 | 2 | 3 | 4 {
  return KINDS[kind].exitCode;
}

/** How to retry after a failure of this kind. */
export function remedyOf(kind: Kind): Remedy {
  return KINDS[kind].remedy;
}

/** A failure whose operation is not known yet: `reason` completes that operation's message. */
export interface ErrorInfo {
  readonly kind: Kind;
  readonly reason: string;
  /** What the user can do about it. */
  readonly hint?: string;
}

/** `error` itself if it is a PullamaError, otherwise an `internal` error with it as the cause. */
export function asPullamaError(error: unknown): PullamaError {
  if (error instanceof PullamaError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new PullamaError("internal", `unexpected error: ${message}`, { cause: error });
}
