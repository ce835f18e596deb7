/** `pullama completion`, and the hidden command that its scripts ask. */

import { Argument, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { displayName } from "../../core/name.ts";
import { formatSize } from "../../core/units.ts";
import { modelsDir } from "../../setup/models_dir.ts";
import type { Candidate, CompletionSources } from "../complete.ts";
import { ASK, completionScript, PATHS, SHELLS } from "../completion_scripts.ts";
import type { Host } from "../host.ts";
import type { ModelsWire } from "./list.ts";
import type { QueueWire } from "./queue.ts";

/** What these commands need to be wired to. */
export type CompletionWire = ModelsWire & Pick<QueueWire, "openQueue">;

const MORE = `
Examples:
  source <(pullama completion bash)         in ~/.bashrc
  source <(pullama completion zsh)          in ~/.zshrc
  pullama completion fish | source          in ~/.config/fish/config.fish
  pullama completion powershell | Out-String | Invoke-Expression    in $PROFILE`;

export function addCompletion(
  root: CommandUnknownOpts,
  host: Host,
  wire: CompletionWire,
): void {
  root.command("completion")
    .description("print a script that completes command lines in a shell")
    .addArgument(new Argument("<shell>", "which one").choices(SHELLS))
    .addHelpText("after", MORE)
    .action((shell) => {
      host.out.write(completionScript(shell));
    });
  root.command(ASK, { hidden: true })
    .argument("[word...]")
    .action(async (words) => {
      const { complete } = await import("../complete.ts");
      const answer = await complete(words, root, sourcesOf(host, wire));
      if (typeof answer === "string") host.out.write(`${PATHS[answer]}\n`);
      else host.out.write(answer.map(lineOf).join(""));
    });
}

function lineOf({ value, about }: Candidate): string {
  return about === undefined ? `${value}\n` : `${value}\t${about}\n`;
}

/** What cannot be read completes nothing: there is no place for an error while somebody types. */
function sourcesOf(host: Host, wire: CompletionWire): CompletionSources {
  const quietly = async (find: () => Promise<Candidate[]>) => {
    try {
      return await find();
    } catch {
      return [];
    }
  };
  return {
    shells: SHELLS,
    models: (folder) =>
      quietly(async () => {
        const models = await wire.openModels(modelsDir(folder, host));
        return (await models.list()).models.map(({ name, size }) => ({
          value: displayName(name),
          ...(size !== undefined && { about: formatSize(size) }),
        }));
      }),
    positions: (folder) =>
      quietly(async () => {
        const { modelText } = await import("../../ui/queue_list.ts");
        const queue = await wire.openQueue(modelsDir(folder, host));
        const rows = await queue.rows({ signal: AbortSignal.abort(), onWait() {} });
        return rows.filter(({ status }) => status !== "active").map((row) => ({
          value: String(row.position),
          about: modelText(row, false),
        }));
      }),
  };
}
