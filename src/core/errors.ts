/**
 * One error class, one closed list of kinds, one table of what each kind means.
 * Foreign failures become one of these at the edge where they arise: `io/failure` for files,
 * `registry/failure` for the network.
 */

/** What retrying can do about a failure. */
export type Remedy =
  /** Nothing: the next try would end the same. */
  | "none"
  /** Waiting: the line or the server may recover. */
  | "wait"
  /** Asking the registry again where the blob is. */
  | "resolve"
  /** Fetching the same bytes again. */
  | "refetch";

interface Meaning {
  readonly exitCode: 0 | 1 | 2 | 3 | 4;
  readonly remedy: Remedy;
}

const KINDS = {
  /** Wrong words on the command line or in an option. */
  usage: { exitCode: 1, remedy: "none" },
  /** A model name that no registry could have. */
  invalid_name: { exitCode: 1, remedy: "none" },
  /** The registry does not know the model. */
  not_found: { exitCode: 4, remedy: "none" },
  /** The registry wants to know who asks, or does not let them. */
  auth: { exitCode: 3, remedy: "none" },
  /** No room for the bytes. */
  disk_full: { exitCode: 2, remedy: "none" },
  /** The file system said no: permission, read-only, input/output error. */
  local: { exitCode: 1, remedy: "none" },
  /** Another process holds what is needed. */
  busy: { exitCode: 1, remedy: "none" },
  /** The manifest is not one, or names what must not be named. */
  manifest: { exitCode: 1, remedy: "none" },
  /** A final answer of the registry: refused, gone, needs a newer client. */
  refused: { exitCode: 1, remedy: "none" },
  /** A redirect that must not be followed. */
  redirect: { exitCode: 1, remedy: "none" },
  /** The certificate of the other side is not trusted. */
  tls: { exitCode: 1, remedy: "none" },
  /** Registry and manifest disagree about the size of a blob. */
  size: { exitCode: 1, remedy: "none" },
  /** An answer that breaks the protocol: wrong range, wrong encoding, no length. */
  protocol: { exitCode: 1, remedy: "wait" },
  /** No connection: name not found, refused, reset, cut. */
  network: { exitCode: 1, remedy: "wait" },
  /** Silence for too long. */
  timeout: { exitCode: 1, remedy: "wait" },
  /** The server says: not now (429, 5xx). */
  unavailable: { exitCode: 1, remedy: "wait" },
  /** The address of the blob has expired or moved. */
  stale: { exitCode: 1, remedy: "resolve" },
  /** Bytes that are not the ones their digest names. */
  digest: { exitCode: 1, remedy: "refetch" },
  /** The user asked to stop; the work can be resumed. */
  interrupted: { exitCode: 0, remedy: "none" },
  /** A fault of this program. */
  internal: { exitCode: 1, remedy: "none" },
} as const satisfies Record<string, Meaning>;

export type Kind = keyof typeof KINDS;

export interface PullamaErrorOptions {
  /** What the user can do about it, one sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** How long the server asks to be left alone, in milliseconds (Retry-After). */
  readonly retryAfterMs?: number;
}

/** Every failure that leaves a function of pullama on purpose. The message is one sentence, no period. */
export class PullamaError extends Error {
  override readonly name = "PullamaError";
  readonly kind: Kind;
  readonly hint?: string;
  readonly retryAfterMs?: number;

  constructor(kind: Kind, message: string, options: PullamaErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    if (options.hint !== undefined) this.hint = options.hint;
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
  }
}

/** The process exit code that a failure of this kind ends with. */
export function exitCodeOf(kind: Kind): 0 | 1 | 2 | 3 | 4 {
  return KINDS[kind].exitCode;
}

/** What retrying can do about a failure of this kind. */
export function remedyOf(kind: Kind): Remedy {
  return KINDS[kind].remedy;
}

/** `error` itself when it is ours, else a fault of the program that carries it as its cause. */
export function asPullamaError(error: unknown): PullamaError {
  if (error instanceof PullamaError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new PullamaError("internal", `unexpected failure: ${message}`, { cause: error });
}
