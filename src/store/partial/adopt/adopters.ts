/** All that a partial file may begin with, the most certain first. */

import { isDenied, isReadFailure } from "../../../io/file_error.ts";
import { guardData } from "../../../io/lock.ts";
import { lstatOf } from "../../../io/stat.ts";
import { readResume } from "../resume.ts";
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

/** Whether there is a partial file that takes nothing over any longer: one of a pull that got no byte may still do so. */
export async function isBegun(partial: string): Promise<boolean> {
  const file = await lstatOf(partial);
  return file !== undefined && !(file.isFile && file.size === 0);
}

/** Makes the partial file of what is left somewhere, with its checkpoint; does nothing if it is begun, or nothing is left. */
export async function adopt(tools: AdoptTools, adoption: Adoption): Promise<void> {
  const { blob, at, signal } = adoption;
  if (await isBegun(at.partial)) return;
  // A pull whose lock file was removed may be about to write to the empty one.
  using free = await guardEmpty(at.partial);
  if (!free) return;
  // Beside the empty one there may be a checkpoint that stops the pull: it must not be replaced.
  await readResume(at, blob, tools.boot, false);
  // Those of bytes that are gone: they would count for what takes their place.
  await tools.disk.remove(at.positions);
  for (const adopter of ADOPTERS) {
    try {
      if (await adopter(tools, adoption)) return;
    } catch (error) {
      signal.throwIfAborted();
      // Without it all is downloaded.
      if (!isDenied(error) && !isReadFailure(error)) throw error;
    }
  }
}

/** Undefined: another process is using it. */
async function guardEmpty(partial: string): Promise<Disposable | undefined> {
  if (await lstatOf(partial)) return await guardData(partial);
  return { [Symbol.dispose]() {} };
}
