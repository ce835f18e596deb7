/** What the scripts for shells and the command that they ask have agreed on. */

export const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;

export type Shell = typeof SHELLS[number];

/** The command that scripts ask. */
export const ASK = "__complete";
/** Its answers where the shell should complete a path. */
export const PATHS = { folders: ":folders", files: ":files" } as const;
