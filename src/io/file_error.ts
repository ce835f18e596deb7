/** What a failed file operation means, by class and code. */

import { PullamaError } from "../core/errors.ts";

const FULL_BY_NUMBER = Deno.build.os === "windows"
  ? /\(os error (112|39)\)/
  : Deno.build.os === "darwin"
  ? /\(os error (28|69)\)/
  : /\(os error (28|122)\)/;

/** Whether the disk, or the share of it that the user may fill, is full. A quota error has no code. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof Error &&
    (codeOf(error) === "ENOSPC" || FULL_BY_NUMBER.test(error.message));
}

/** Whether `error`, or the failure it was turned into, says that there is no such file. */
export function isMissing(error: unknown): boolean {
  return rootOf(error) instanceof Deno.errors.NotFound;
}

/** Whether `error`, or the failure it was turned into, says that the name is taken. */
export function isExisting(error: unknown): boolean {
  const root = rootOf(error);
  return root instanceof Deno.errors.AlreadyExists || codeOf(root) === "ENOTEMPTY" ||
    codeOf(root) === "EEXIST";
}

/** Whether a hard link cannot be made here: another file system, or one without links. */
export function isLinkUnsupported(error: unknown): boolean {
  const root = rootOf(error);
  const code = codeOf(root);
  return code === "EXDEV" || code === "EPERM" || code === "EOPNOTSUPP" || code === "ENOTSUP" ||
    code === "ENOSYS" || code === "EMLINK" || root instanceof Deno.errors.NotSupported ||
    (root instanceof Deno.errors.PermissionDenied && code !== "EACCES");
}

/** A PullamaError that says which operation on which path failed. Keeps the original as its cause. */
export function fileError(error: unknown, doing: string, path: string): PullamaError {
  if (error instanceof PullamaError) return error;
  const reason = reasonOf(error);
  if (isDiskFull(error)) {
    return new PullamaError("disk_full", `cannot ${doing} ${path}: the disk is full`, {
      cause: error,
      hint: "free some space and run the same command again",
    });
  }
  if (codeOf(error) === "EFBIG") {
    return new PullamaError(
      "disk_full",
      `cannot ${doing} ${path}: the file system does not take files of this size`,
      { cause: error, hint: "choose another folder with --models-dir" },
    );
  }
  return new PullamaError("local", `cannot ${doing} ${path}: ${reason}`, {
    cause: error,
    ...hintFor(error, path),
  });
}

function hintFor(error: unknown, path: string): { hint?: string } {
  const code = codeOf(error);
  if (error instanceof Deno.errors.NotCapable && /^\/(dev|proc|sys)\//.test(path)) {
    return { hint: "nothing can be stored below /dev, /proc or /sys: choose another --models-dir" };
  }
  if (code === "EACCES" || code === "EPERM" || error instanceof Deno.errors.PermissionDenied) {
    const owner = ownerOf(path);
    const who = owner ? `it belongs to ${owner}: ` : "";
    return {
      hint: who +
        "run as its owner, for a service install: sudo -u ollama env HOME=/usr/share/ollama pullama …",
    };
  }
  if (code === "EROFS") return { hint: "choose a folder that can be written with --models-dir" };
  return {};
}

/** User and group number of the nearest existing parent of `path`; undefined where there are none. */
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

/** Why, in a few words: without the number of the system and the capital letter. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  switch (codeOf(error)) {
    case "EACCES":
      return "permission denied";
    case "EROFS":
      return "the file system is read-only";
    case "EIO":
      return "input/output error";
    default:
      return error.message.replace(/ \(os error \d+\).*$/, "").replace(
        /^[A-Z]/,
        (c) => c.toLowerCase(),
      );
  }
}

function rootOf(error: unknown): unknown {
  return error instanceof PullamaError && error.cause !== undefined ? error.cause : error;
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : undefined;
}
