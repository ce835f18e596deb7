/** The completion scripts in real shells, with typed input. */

import assert from "node:assert/strict";
import { exists } from "../fakes/exists.ts";
import { addSmallModel } from "../fakes/installed.ts";
import { type Need, testWith } from "../needs.ts";
import { type Ended, runToEnd, temporaryFolder } from "./child.ts";
import { cacheOfDeno, pullamaCommand } from "./program.ts";

/** Milliseconds for a shell to show the expected text. */
const TIMEOUT_MS = 20_000;

const SHELLS: readonly {
  readonly name: string;
  readonly needs: readonly Need[];
  readonly start: string;
  readonly load: string;
}[] = [
  {
    name: "bash",
    needs: ["tmux"],
    start: "bash --norc --noprofile -i",
    load: "source <(pullama completion bash)",
  },
  {
    name: "zsh",
    needs: ["tmux", "zsh"],
    start: "zsh -f -i",
    load: "source <(pullama completion zsh)",
  },
  {
    name: "zsh, from a file of a package",
    needs: ["tmux", "zsh"],
    start: "zsh -f -i",
    load: "mkdir ~/fn && pullama completion zsh >~/fn/_pullama && fpath=(~/fn $fpath) && " +
      "autoload -Uz compinit && compinit -u",
  },
  {
    name: "fish",
    needs: ["tmux", "fish"],
    start: "fish --no-config -i",
    load: "pullama completion fish | source",
  },
];

/** The command line before and after the tab. */
const CASES: readonly (readonly [typed: string, becomes: string])[] = [
  ["pullama comple", "pullama completion "],
  ["pullama rm lla", "pullama rm llama3.2:latest"],
  ["pullama rm mistral:7", "pullama rm mistral:7b"],
  ["pullama show hf.co/u", "pullama show hf.co/user/model:Q4_K_M"],
  ["pullama llama3.2 --conn", "pullama llama3.2 --connections"],
  ["pullama list --output=comp", "pullama list --output=compact"],
  ["pullama list --output comp", "pullama list --output compact"],
  ["pullama queue rm ", "pullama queue rm 1"],
  ["pullama list --models-dir FOLDER/only", "pullama list --models-dir FOLDER/onlyone/"],
];

for (const { name, needs, start, load } of SHELLS) {
  testWith(
    [...needs, "a compiled program"],
    `tab completes commands, flags, values and models in ${name}`,
    async () => {
      await using folder = await temporaryFolder();
      const home = folder.path;
      const models = `${home}/.ollama/models`;
      for (const model of ["llama3.2", "mistral:7b", "hf.co/user/model:Q4_K_M"]) {
        await addSmallModel(models, model);
      }
      await Deno.mkdir(`${home}/onlyone`);
      await Deno.mkdir(`${home}/bin`);
      const command = pullamaCommand().map((part) => `'${part}'`).join(" ");
      await Deno.writeTextFile(`${home}/bin/pullama`, `#!/bin/sh\nexec ${command} "$@"\n`);
      await Deno.chmod(`${home}/bin/pullama`, 0o755);
      const env = {
        HOME: home,
        PATH: `${home}/bin:${Deno.env.get("PATH")}`,
        LANG: "C.UTF-8",
        TERM: "xterm-256color",
        ...cacheOfDeno(),
      };
      const tmux = (...args: string[]): Promise<Ended> =>
        runToEnd(["tmux", "-S", `${home}/tmux`, ...args], { env });
      const screen = async () => (await tmux("capture-pane", "-p", "-J")).out;
      const until = async (what: string, holds: (text: string) => boolean) => {
        const late = performance.now() + TIMEOUT_MS;
        for (;;) {
          const text = await screen();
          if (holds(text)) return;
          assert.ok(performance.now() < late, `${what} does not come:\n${text}`);
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      };
      const type = (text: string) => tmux("send-keys", "-l", text);

      const queued = await runToEnd([`${home}/bin/pullama`, "queue", "add", "phi3"], { env });
      assert.equal(queued.code, 0, queued.err);
      const began = await tmux(
        "-f",
        "/dev/null",
        "new-session",
        "-d",
        "-x",
        "150",
        "-y",
        "40",
        start,
      );
      assert.equal(began.code, 0, began.err);
      try {
        await until("a prompt", (text) => /[#$%>]/.test(text));
        await type(`${load}; echo lo''aded`);
        await tmux("send-keys", "Enter");
        await until("the script", (text) => /^loaded$/m.test(text));
        for (const [typed, becomes] of CASES) {
          const at = (text: string) => text.replaceAll("FOLDER", home);
          await tmux("send-keys", "C-u");
          await tmux("send-keys", "C-l");
          await until("an empty line", (text) => /[#$%>]/.test(text) && !/pullama/.test(text));
          await type(at(typed));
          await tmux("send-keys", "Tab");
          await until(
            `"${becomes}" after "${typed}"`,
            (text) => text.includes(at(becomes).trimEnd()),
          );
        }
      } finally {
        const shell = (await tmux("display-message", "-p", "#{pane_pid}")).out.trim();
        await tmux("kill-server");
        // It may write its history to the directory that is about to be removed.
        while (exists(`/proc/${shell}`)) await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  );
}
