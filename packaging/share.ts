/** What packages install besides the program: manual pages, completions, licence. */

import { completionScript } from "../src/cli/completion/scripts.ts";
import { commandsWithPage, manPage, pageName } from "../src/cli/help/man.ts";
import { systemHost } from "../src/cli/host/system.ts";
import { wholeProgram } from "../src/cli/program.ts";
import { wire } from "../src/cli/wire.ts";
import { stopSteps } from "../src/core/stop.ts";
import type { Release } from "./release.ts";
import { gzipped, tarOf, withFolder, writeTree } from "./tools.ts";

/** The manual pages by their file names. */
export async function manPages({ version, date }: Release): Promise<Record<string, string>> {
  const root = await wholeProgram(systemHost(stopSteps().stop), wire);
  return Object.fromEntries(
    commandsWithPage(root).map((command) => [
      `${pageName(command)}.1`,
      manPage(command, { version, date }),
    ]),
  );
}

/** The completion scripts, at their places below share/. */
export const COMPLETIONS: Readonly<Record<string, string>> = {
  "bash-completion/completions/pullama": completionScript("bash"),
  "zsh/site-functions/_pullama": completionScript("zsh"),
  "fish/vendor_completions.d/pullama.fish": completionScript("fish"),
};

export function license(): string {
  return Deno.readTextFileSync(new URL("../LICENSE", import.meta.url));
}

/** Writes all of that as an archive with the folder share/. */
export async function writeShare(release: Release, out: string): Promise<void> {
  const pages = Object.entries(await manPages(release));
  await withFolder(async (folder) => {
    const root = `${folder}/root/share`;
    await writeTree(root, {
      ...COMPLETIONS,
      ...Object.fromEntries(pages.map(([name, text]) => [`man/man1/${name}`, text])),
      "licenses/pullama/LICENSE": license(),
    });
    await tarOf(`${folder}/root`, `${folder}/share.tar`, release.date);
    await gzipped(`${folder}/share.tar`, out);
  });
}
