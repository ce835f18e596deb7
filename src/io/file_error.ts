/** Classifies errors of file operations, by class and code, and converts them to `PullamaError`. */

import { PullamaError } from "../core/errors.ts";
import { isInUse } from "./system/in_use.ts";
import { errorNumbers, hasNumber } from "./system/numbers.ts";

const NUMBERS = errorNumbers();

/** Whether the disk is full, or the user's quota exhausted. Deno sets no code for a quota error. */
export function isDiskFull(error: unknown): boolean {
  return codeOf(error) === "ENOSPC" || hasNumber(error, NUMBERS.full);
}

/** Whether the user's quota is exhausted: then the free space of the file system means nothing. */
export function isQuota(error: unknown): boolean {
  const root = rootOf(error);
  return codeOf(root) === "EDQUOT" || hasNumber(root, NUMBERS.quota);
}

/** Whether `error`, or its cause, says that the file system does not have this operation. */
export function isUnsupported(error: unknown): boolean {
  const root = rootOf(error);
  const code = codeOf(root);
  return root instanceof Deno.errors.NotSupported ||
    (code !== undefined && ["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(code));
}

/** Whether `error`, or its cause, is "operation not permitted" or "permission denied". */
export function isDenied(error: unknown): boolean {
  const root = rootOf(error);
  const code = codeOf(root);
  return code === "EPERM" || code === "EACCES" || root instanceof Deno.errors.PermissionDenied;
}

/** Whether `error`, or its cause, says that the file system has no locks. */
export function isLockUnsupported(error: unknown): boolean {
  const root = rootOf(error);
  return root instanceof Deno.errors.NotSupported ||
    ["ENOLCK", "ENOSYS", "ENOTSUP", "EOPNOTSUPP"].includes(codeOf(root) ?? "") ||
    hasNumber(root, NUMBERS.noLocks);
}

/** Whether `error`, or its cause, is "read-only file system". */
export function isReadOnly(error: unknown): boolean {
  return codeOf(rootOf(error)) === "EROFS";
}

/** Whether `error`, or its cause, is that the two paths are on different file systems. */
export function isOtherFileSystem(error: unknown): boolean {
  return codeOf(rootOf(error)) === "EXDEV";
}

/** Whether `error`, or its cause, says that the disk cannot read a part of a file. */
export function isReadFailure(error: unknown): boolean {
  const root = rootOf(error);
  return codeOf(root) === "EIO" || hasNumber(root, NUMBERS.unreadable);
}

/** Whether `error`, or its cause, says that the system has no descriptor or no memory left at the moment. */
export function isScarce(error: unknown): boolean {
  const root = rootOf(error);
  return ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"].includes(codeOf(root) ?? "") ||
    hasNumber(root, NUMBERS.scarce);
}

/** Whether `error` is about what a path names: nothing, or what may not be used. False: the system failed. */
export function isNoFile(error: unknown): boolean {
  return isMissing(error) || (error instanceof PullamaError && error.cause === undefined);
}

/** Whether `error`, or its cause, is "no such file or directory". */
export function isMissing(error: unknown): boolean {
  const root = rootOf(error);
  // Errors of node:fs, and those that a Worker passes on, have no class of their own.
  return root instanceof Deno.errors.NotFound || codeOf(root) === "ENOENT";
}

/**
 * Whether `error`, or its cause, is "stale file handle": on NFS the file was removed, or replaced, on another computer
 * since it was looked up.
 */
export function isStaleHandle(error: unknown): boolean {
  const root = rootOf(error);
  return codeOf(root) === "ESTALE" || hasNumber(root, NUMBERS.stale);
}

/** Whether `error`, or its cause, is "file exists" or "directory not empty". */
export function isExisting(error: unknown): boolean {
  const root = rootOf(error);
  return root instanceof Deno.errors.AlreadyExists || codeOf(root) === "ENOTEMPTY" ||
    codeOf(root) === "EEXIST";
}

/** Whether hard links are not possible here: another file system, or one without hard links. */
export function isLinkUnsupported(error: unknown): boolean {
  const root = rootOf(error);
  const code = codeOf(root);
  return code === "EXDEV" || code === "EPERM" || code === "EOPNOTSUPP" || code === "ENOTSUP" ||
    code === "ENOSYS" || code === "EMLINK" || root instanceof Deno.errors.NotSupported ||
    hasNumber(root, NUMBERS.noLinks) ||
    (root instanceof Deno.errors.PermissionDenied && code !== "EACCES");
}

/** A PullamaError with the operation and the path; the original error is its cause. */
export function fileError(error: unknown, doing: string, path: string): PullamaError {
  if (error instanceof PullamaError) return error;
  const reason = reasonOf(error);
  if (isQuota(error)) {
    return new PullamaError("disk_full", `cannot ${doing} ${path}: disk quota exceeded`, {
      cause: error,
      hint:
        "remove files of your own, or have the quota raised; free space of the disk does not help",
    });
  }
  if (isDiskFull(error)) {
    return new PullamaError("disk_full", `cannot ${doing} ${path}: not enough disk space`, {
      cause: error,
      hint: "free up disk space, then run the same command again",
    });
  }
  if (codeOf(error) === "EFBIG" || hasNumber(error, NUMBERS.tooLarge)) {
    return new PullamaError(
      "disk_full",
      `cannot ${doing} ${path}: file too large for this file system`,
      { cause: error, hint: "choose a directory on another file system with --models-dir" },
    );
  }
  return new PullamaError("local", `cannot ${doing} ${path}: ${reason}`, {
    cause: error,
    ...hintFor(error, path),
  });
}

const IN_USE_HINT =
  "close it in the other program (a model that is loaded: ollama stop MODEL), then run the same command again";
const DENIED_HINT =
  "close the programs that may have it open, such as Ollama; or run as a user who may write there";

function hintFor(error: unknown, path: string): { hint?: string } {
  const code = codeOf(error);
  if (error instanceof Deno.errors.NotCapable && /^\/(dev|proc|sys)\//.test(path)) {
    return {
      hint:
        "pullama cannot write under /dev, /proc or /sys: choose another directory with --models-dir",
    };
  }
  if (isInUse(error)) return { hint: IN_USE_HINT };
  if (code === "EACCES" || code === "EPERM" || error instanceof Deno.errors.PermissionDenied) {
    if (Deno.build.os === "windows") return { hint: DENIED_HINT };
    const owner = ownerOf(path);
    const owned = owner ? `owned by ${owner}: ` : "";
    return {
      hint: owned +
        "run as its owner; for the Ollama service: sudo -u ollama env HOME=/usr/share/ollama pullama …",
    };
  }
  if (code === "EROFS") return { hint: "choose a writable directory with --models-dir" };
  return {};
}

/** User and group ID of `path` or its nearest existing parent; undefined if the system has none. */
function ownerOf(path: string): string | undefined {
  for (let at = path; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf("/")))) {
    try {
      const { uid, gid } = Deno.statSync(at);
      return uid === null ? undefined : `user ${uid}, group ${gid}`;
    } catch {
      continue;
    }
  }
  return undefined;
}

/** The reason in a few words, without the OS error number and the capital letter. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (isInUse(error)) return "another program has it open";
  if (Deno.build.os === "windows" && isDenied(error)) return REASONS.EACCES;
  const code = codeOf(error);
  if (code !== undefined && code in REASONS) return REASONS[code as keyof typeof REASONS];
  return error.message.replace(/\.? \(os error \d+\).*$/, "").replace(
    /^[A-Z]/,
    (c) => c.toLowerCase(),
  );
}

/** The same words on every system; Windows has others, in the user's language. */
const REASONS = {
  EACCES: "permission denied",
  EEXIST: "file exists",
  EIO: "input/output error",
  ENOENT: "no such file or directory",
  ENOTEMPTY: "directory not empty",
  EROFS: "read-only file system",
} as const;

function rootOf(error: unknown): unknown {
  return error instanceof PullamaError && error.cause !== undefined ? error.cause : error;
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : undefined;
}
