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

/** Makes the partial file of what is left somewhere, with its checkpoint; does nothing if it exists, or nothing is left. */
export async function adopt(tools: AdoptTools, adoption: Adoption): Promise<void> {
  if (await exists(adoption.at.partial)) return;
  for (const adopter of ADOPTERS) {
    try {
      if (await adopter(tools, adoption)) return;
    } catch (error) {
      adoption.signal.throwIfAborted();
      // Without it all is downloaded.
      if (!isDenied(error) && !isReadFailure(error)) throw error;
    }
  }
}
