/** The values of `--output`. */

export const MODES = ["table", "compact", "json", "debug"] as const;

export type Mode = typeof MODES[number];

/** Those of `list`: `lock` is the format that pulls read. */
export const LIST_MODES = [...MODES, "lock"] as const;

export type ListMode = typeof LIST_MODES[number];
