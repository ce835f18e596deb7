/** All that a partial file may begin with, the most certain first. */

import { isDenied, isReadFailure } from "../../../io/file_error.ts";
import { exists } from "../../../io/stat.ts";
import type { Adopter, Adoption, AdoptTools } from "./adopter.ts";
import { adoptDamaged } from "./damaged.ts";
import { adoptFormer } from "./former.ts";
import { adoptPartial } from "./go.ts";
import { adoptOllama } from "./ollama.ts";
import { adoptTransfer } from "./transfer.ts";

const ADOPTERS: readonly Adopter[] = [
  adoptFormer,
  adoptDamaged,
  adoptPartial,
  adoptOllama,
  adoptTransfer,
];

/** Returns whether bytes were taken over of which no checkpoint tells. */
export async function adopt(tools: AdoptTools, adoption: Adoption): Promise<boolean> {
  if (await exists(adoption.at.partial)) return false;
  for (const adopter of ADOPTERS) {
    try {
      const adopted = await adopter(tools, adoption);
      if (adopted) return adopted === "in order";
    } catch (error) {
      adoption.signal.throwIfAborted();
      // Without it all is downloaded.
      if (!isDenied(error) && !isReadFailure(error)) throw error;
    }
  }
  return false;
}
