/**
 * Error numbers of each system, for those errors that the runtime gives neither a class nor a code. All that differs
 * between Linux, macOS and Windows in what a failed operation means is here.
 */

export interface ErrorNumbers {
  /** No space left, or the quota is exhausted. */
  readonly full: readonly number[];
  readonly quota: readonly number[];
  /** Larger than the file system allows. */
  readonly tooLarge: readonly number[];
  readonly noLocks: readonly number[];
  /** Hard links are not possible here. */
  readonly noLinks: readonly number[];
  /** The disk cannot read a part of a file. */
  readonly unreadable: readonly number[];
  /** No descriptor, memory or socket buffer is left. */
  readonly scarce: readonly number[];
  /** The file was removed on another computer. */
  readonly stale: readonly number[];
  /** Another program has the file open and does not share it; only Windows has that. */
  readonly inUse: readonly number[];
}

const LINUX: ErrorNumbers = {
  full: [28, 122],
  quota: [122],
  tooLarge: [27],
  noLocks: [37, 38, 95],
  noLinks: [],
  unreadable: [5],
  scarce: [12, 23, 24, 105],
  stale: [116],
  inUse: [],
};

const MACOS: ErrorNumbers = {
  full: [28, 69],
  quota: [69],
  tooLarge: [27],
  noLocks: [45, 77, 78],
  noLinks: [45],
  unreadable: [5],
  scarce: [12, 23, 24, 55],
  stale: [70],
  inUse: [],
};

const WINDOWS: ErrorNumbers = {
  full: [39, 112],
  quota: [1295, 1816],
  tooLarge: [223],
  // Of some network drives.
  noLocks: [1, 50],
  // Of FAT and exFAT; of a file with 1,023 names.
  noLinks: [1, 50, 1142],
  unreadable: [23, 1117],
  scarce: [4, 8, 14, 10024, 10055],
  stale: [],
  // Not shared, locked, or mapped into memory as a loaded model is.
  inUse: [32, 33, 1224],
};

/** Those of `os`, as in `Deno.build.os`. */
export function errorNumbers(os: string = Deno.build.os): ErrorNumbers {
  if (os === "windows") return WINDOWS;
  return os === "darwin" ? MACOS : LINUX;
}

/** Whether the runtime's message of `error` ends with one of `numbers`. */
export function hasNumber(error: unknown, numbers: readonly number[]): boolean {
  const number = error instanceof Error && /\(os error (\d+)\)/.exec(error.message)?.[1];
  return typeof number === "string" && numbers.includes(Number(number));
}
