/** The values of `--output`. */

export const MODES = ["table", "compact", "json", "debug"] as const;

export type Mode = typeof MODES[number];
