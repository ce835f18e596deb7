/** What is said, and what is not done, on the word of a mirror. */

import type { Digest } from "../../core/digest.ts";
import { PullamaError } from "../../core/errors.ts";
import type { Manifest, MirrorWord } from "../../core/manifest.ts";
import { displayName, type ModelName } from "../../core/name.ts";

/** The warning about a manifest that is not the registry's word. */
export function wordOf(
  { url, because }: MirrorWord,
  name: ModelName,
): { readonly message: string; readonly hint: string } {
  const why = because === "offline" ? "was not asked" : "cannot be reached";
  const plain = url.startsWith("http:");
  return {
    message: `${name.host} ${why}: which manifest ${displayName(name)} has is the word of ${url}${
      plain ? ", received over plain http" : ""
    }`,
    hint: "add @sha256:... to the name to accept only the manifest with that digest",
  };
}

/** A mirror may have an older manifest, or a wrong one. Throws `moved` if it is not the one that is installed. */
export function requireSame(
  { digest }: Manifest,
  installed: Digest | undefined,
  { url }: MirrorWord,
): void {
  if (installed === undefined || installed === digest) return;
  throw new PullamaError(
    "moved",
    `the manifest from ${url}, ${digest}, is not the installed one, ${installed}`,
    {
      hint:
        "add --force to replace what is installed, or pull again when the registry can be reached",
    },
  );
}
