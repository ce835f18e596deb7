import assert from "node:assert/strict";
import { Command } from "@commander-js/extra-typings";
import { withDefaultCommand } from "../../../src/cli/args/default_command.ts";
import { didYouMean } from "../../../src/cli/help/did_you_mean.ts";

/** A program with a command, a command with an alias, and a group of commands. */
function program(): Command {
  const root = new Command("pullama").version("1");
  root.command("pull").option("--models-dir <dir>").option("-q, --quiet");
  root.command("list").alias("ls").option("--output <mode>");
  const queue = root.command("queue");
  queue.command("add").option("--models-dir <dir>");
  return root;
}

Deno.test("withDefaultCommand() moves commands, including subcommands, before their flags", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["list", "list"],
    ["--output json list", "list --output json"],
    ["--output=json ls", "ls --output=json"],
    ["-q queue --models-dir /d add m --quiet", "queue add -q --models-dir /d m --quiet"],
    ["queue add list", "queue add list"],
    ["queue", "queue"],
    ["queue --help", "queue --help"],
    ["--output list m", "pull --output list m"],
    ["m list", "pull m list"],
    ["-- list", "pull -- list"],
    ["queue -- add", "queue -- add"],
    ["- x", "pull - x"],
    ["--quiet", "pull --quiet"],
    ["--models-dir", "pull --models-dir"],
    ["--help", "--help"],
    ["--quiet -h", "--quiet -h"],
    ["m --help", "pull m --help"],
    ["", ""],
  ];
  for (const [line, expected] of cases) {
    const argv = line.split(" ").filter((word) => word !== "");
    assert.equal(withDefaultCommand(argv, program()).join(" "), expected, line);
  }
});

Deno.test("didYouMean() finds the most similar word, or none", () => {
  const words = ["list", "show", "clean", "queue", "help", "rm"];
  const cases: readonly (readonly [string, string | undefined])[] = [
    ["lsit", "list"],
    ["lst", "list"],
    ["shwo", "show"],
    ["cleam", "clean"],
    ["qeueu", "queue"],
    ["mr", "rm"],
    ["m", "rm"],
    ["mistral", undefined],
    ["phi3", undefined],
    ["", undefined],
  ];
  for (const [typed, expected] of cases) assert.equal(didYouMean(typed, words), expected, typed);
});
