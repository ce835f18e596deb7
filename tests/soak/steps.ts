/** What is made to fail. */

/** Calls that pullama makes for files and the runtime makes for nothing else. */
export const CALLS: readonly string[] = [
  "mkdir",
  "ftruncate",
  "fdatasync",
  "fsync",
  "rename",
  "linkat",
  "unlink",
  "rmdir",
  "flock",
  "fchmod",
];
