/** The models folder itself, where something else may be. */

import { PullamaError } from "../../core/errors.ts";
import { statOf } from "../../io/stat.ts";

/** Rejects with kind local where there is no folder at `root`, but something else; nothing is fine. */
export async function requireNoFile(root: string): Promise<void> {
  const found = await statOf(root);
  if (!found || found.isDirectory) return;
  throw new PullamaError("local", `${root} is in the way: it is no folder`, {
    hint: "move it away, or choose another folder with --models-dir",
  });
}
