/** `pullama completion`, and the hidden command that its scripts call. */

import { Argument, type CommandUnknownOpts } from "@commander-js/extra-typings";
import type { CompletionWire } from "./run.ts";
import type { Host } from "../host/host.ts";
import { ASK, SHELLS } from "./shells.ts";

const MORE = `
Examples:
  eval "$(pullama completion bash)"         in ~/.bashrc
  source <(pullama completion zsh)          in ~/.zshrc
  pullama completion fish | source          in ~/.config/fish/config.fish
  pullama completion powershell | Out-String | Invoke-Expression    in $PROFILE`;

export function addCompletion(
  root: CommandUnknownOpts,
  host: Host,
  wire: CompletionWire,
): void {
  root.command("completion")
    .description("print a completion script for a shell")
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .addHelpText("after", MORE)
    .action(async (shell) => {
      const { completionScript } = await import("./scripts.ts");
      host.out.write(completionScript(shell));
    });
  root.command(ASK, { hidden: true })
    .argument("[word...]")
    .action(async (words) => {
      const { runCompletion } = await import("./run.ts");
      host.out.write(await runCompletion(words, root, host, wire));
    });
}
