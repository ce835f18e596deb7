/** Constants shared by the completion scripts and the hidden command that they call. */

export const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;

export type Shell = typeof SHELLS[number];

/** The command that the scripts call. */
export const ASK = "__complete";
/** Its output if the shell should complete a path. */
export const PATHS = { folders: ":folders", files: ":files" } as const;
