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

/** What kind of failure it is, as a word for programs, as in `--output json`. Kinds are added now and then. */
export type Kind =
  /** Wrong words on the command line or in an option. */
  | "usage"
  /** A model name that no registry could have. */
  | "invalid_name"
  /** The registry does not know the model. */
  | "not_found"
  /** The registry wants to know who asks, or does not let them. */
  | "auth"
  /** No room for the bytes. */
  | "disk_full"
  /** The file system said no: permission, read-only, input/output error. */
  | "local"
  /** Another process holds what is needed. */
  | "busy"
  /** The manifest is not one, or names what must not be named. */
  | "manifest"
  /** A final answer of the registry: refused, gone, needs a newer client. */
  | "refused"
  /** A redirect that must not be followed. */
  | "redirect"
  /** The certificate of the other side is not trusted. */
  | "tls"
  /** Registry and manifest disagree about the size of a blob. */
  | "size"
  /** An answer that breaks the protocol: wrong range, wrong encoding, no length. */
  | "protocol"
  /** No connection: name not found, refused, reset, cut. */
  | "network"
  /** Silence for too long. */
  | "timeout"
  /** The server says: not now (429, 5xx). */
  | "unavailable"
  /** The address of the blob has expired or moved. */
  | "stale"
  /** Bytes that are not the ones their digest names. */
  | "digest"
  /** The user asked to stop; the work can be resumed. */
  | "interrupted"
  /** A fault of this program. */
  | "internal";

const KINDS: Readonly<Record<Kind, Meaning>> = {
  usage: { exitCode: 1, remedy: "none" },
  invalid_name: { exitCode: 1, remedy: "none" },
  not_found: { exitCode: 4, remedy: "none" },
  auth: { exitCode: 3, remedy: "none" },
  disk_full: { exitCode: 2, remedy: "none" },
  local: { exitCode: 1, remedy: "none" },
  busy: { exitCode: 1, remedy: "none" },
  manifest: { exitCode: 1, remedy: "none" },
  refused: { exitCode: 1, remedy: "none" },
  redirect: { exitCode: 1, remedy: "none" },
  tls: { exitCode: 1, remedy: "none" },
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

/** What a failure carries besides its kind and its message. */
export interface PullamaErrorOptions {
  /** What the user can do about it, one sentence. */
  readonly hint?: string;
  /** What it arose from. */
  readonly cause?: unknown;
  /** How long the server asks to be left alone, in milliseconds (Retry-After). */
  readonly retryAfterMs?: number;
}

/** Every failure that leaves a function of pullama on purpose. The message is one sentence, no period. */
export class PullamaError extends Error {
  /** Always "PullamaError". */
  override readonly name = "PullamaError";
  /** What kind of failure it is. */
  readonly kind: Kind;
  /** What the user can do about it, one sentence. */
  readonly hint?: string;
  /** How long the server asks to be left alone, in milliseconds. */
  readonly retryAfterMs?: number;

  /** A failure of that kind, with a sentence that says what could not be done, to what, and why. */
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

/** What went wrong, as long as it is not known what could not be done: `reason` ends that sentence. */
export interface ErrorInfo {
  readonly kind: Kind;
  readonly reason: string;
  /** What to do. */
  readonly hint?: string;
}

/** `error` itself when it is ours, else a fault of the program that carries it as its cause. */
export function asPullamaError(error: unknown): PullamaError {
  if (error instanceof PullamaError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new PullamaError("internal", `unexpected failure: ${message}`, { cause: error });
}
