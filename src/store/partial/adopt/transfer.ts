/** Taking over what `ollama pull` has left of a model with tensors: its file is written in order. */

import { BLOCK } from "../data_end.ts";
import type { Adopter } from "./adopter.ts";
import { foreignPaths, quietFile, takeOver } from "./foreign.ts";

export const adoptTransfer: Adopter = async (tools, adoption) => {
  const { at, blob, signal } = adoption;
  const { tmp } = foreignPaths(at);
  const file = await quietFile(tools.paths.root, tmp, signal);
  if (!file || file.size > blob.size) return false;
  // The last write may have been cut off.
  const end = Math.max(0, Math.ceil(file.size / BLOCK) - 1) * BLOCK;
  return await takeOver(tools, adoption, tmp, [{ start: 0, end }]);
};
